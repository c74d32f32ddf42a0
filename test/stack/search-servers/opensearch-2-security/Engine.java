import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import org.opensearch.Version;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.mapper.MapperExtrasPlugin;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.ingest.common.IngestCommonPlugin;
import org.opensearch.join.ParentJoinPlugin;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.security.OpenSearchSecurityPlugin;
import org.opensearch.transport.Netty4Plugin;

/**
 * OpenSearch 2.x with its security plugin: HTTPS with the key store that the property `keys` names, and basic authentication
 * with the plugin's demo users, such as admin:admin.
 */
class Engine extends Node {

    static final List<Class<? extends Plugin>> MODULES = List.of(
        Netty4Plugin.class,
        CommonAnalysisPlugin.class,
        MapperExtrasPlugin.class,
        ParentJoinPlugin.class,
        PainlessPlugin.class,
        IngestCommonPlugin.class,
        ReindexPlugin.class,
        OpenSearchSecurityPlugin.class
    );

    Engine(Map<String, String> settings) throws Exception {
        super(environment(settings), MODULES, true);
    }

    static Environment environment(Map<String, String> settings) throws Exception {
        Path config = Path.of(settings.get("path.home"), "config");
        Path users = Files.createDirectories(config.resolve("opensearch-security"));
        try (Stream<Path> defaults = Files.list(Path.of(System.getProperty("plugin"), "config"))) {
            for (Path file : (Iterable<Path>) defaults::iterator) {
                if (!Files.exists(users.resolve(file.getFileName()))) Files.copy(file, users.resolve(file.getFileName()));
            }
        }
        String keys = System.getProperty("keys");

        Settings.Builder builder = Settings.builder().loadFromMap(settings);
        for (String side : List.of("transport", "http")) {
            for (String store : List.of("keystore", "truststore")) {
                builder.put("plugins.security.ssl." + side + "." + store + "_type", "PKCS12");
                builder.put("plugins.security.ssl." + side + "." + store + "_filepath", keys);
                builder.put("plugins.security.ssl." + side + "." + store + "_password", System.getProperty("keys.password"));
            }
        }
        builder.put("plugins.security.ssl.http.enabled", true);
        builder.put("plugins.security.allow_default_init_securityindex", true);
        builder.putList("plugins.security.restapi.roles_enabled", "all_access");
        return new Environment(builder.build(), config);
    }

    String url() {
        return "https://127.0.0.1:" + injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
    }

    static String version() {
        return Version.CURRENT.toString();
    }
}
