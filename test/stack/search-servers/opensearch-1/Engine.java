import java.util.List;
import java.util.Map;

import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.join.ParentJoinPlugin;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/** OpenSearch 1.x with those of its modules that are published, all on one class path: without painless and ingest, which nothing here needs. */
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
