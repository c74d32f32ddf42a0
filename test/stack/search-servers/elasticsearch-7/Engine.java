import java.util.List;
import java.util.Map;

import org.elasticsearch.Version;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.index.mapper.MapperExtrasPlugin;
import org.elasticsearch.join.ParentJoinPlugin;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.reindex.ReindexPlugin;
import org.elasticsearch.transport.Netty4Plugin;

/** Elasticsearch 7.17 with those of its modules that the registry has; painless, ingest-common and analysis-common are not there. */
class Engine extends Node {

    static final List<Class<? extends Plugin>> MODULES = List.of(
        Netty4Plugin.class,
        MapperExtrasPlugin.class,
        ParentJoinPlugin.class,
        ReindexPlugin.class
    );

    Engine(Map<String, String> settings) {
        super(new Environment(Settings.builder().loadFromMap(settings).build(), null), MODULES, true);
    }

    String url() {
        return "http://127.0.0.1:" + injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
    }

    static String version() {
        return Version.CURRENT.toString();
    }
}
