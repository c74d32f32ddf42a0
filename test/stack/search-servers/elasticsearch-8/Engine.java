import java.nio.file.Path;
import java.util.List;
import java.util.Map;

import org.elasticsearch.Build;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.ClassPathPlugins;
import org.elasticsearch.transport.netty4.Netty4Plugin;

/** Elasticsearch 8.x or 9.x with HTTP, the only module of theirs that the registry has. */
class Engine extends Node {

    static {
        LogConfigurator.configureESLogging();
    }

    Engine(Map<String, String> settings) {
        super(
            new Environment(Settings.builder().loadFromMap(settings).build(), Path.of(settings.get("path.home"), "config")),
            new ClassPathPlugins(List.of(Netty4Plugin.class), Path.of(settings.get("path.home")))
        );
    }

    String url() {
        return "http://127.0.0.1:" + injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
    }

    static String version() {
        return Build.current().version();
    }
}
