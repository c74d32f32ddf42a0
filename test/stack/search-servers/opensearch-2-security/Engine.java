import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
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
 * OpenSearch 2.x with its security plugin: HTTPS with a certificate of its own, config/cert.pem, and basic authentication
 * with the plugin's demo users, such as admin:admin.
 */
class Engine extends Node {

    static final String PASSWORD = "changeit";

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
        Path keys = config.resolve("keys.p12");
        selfSign(keys, config.resolve("cert.pem"));

        Settings.Builder builder = Settings.builder().loadFromMap(settings);
        for (String side : List.of("transport", "http")) {
            for (String store : List.of("keystore", "truststore")) {
                builder.put("plugins.security.ssl." + side + "." + store + "_type", "PKCS12");
                builder.put("plugins.security.ssl." + side + "." + store + "_filepath", keys);
                builder.put("plugins.security.ssl." + side + "." + store + "_password", PASSWORD);
            }
        }
        builder.put("plugins.security.ssl.http.enabled", true);
        builder.put("plugins.security.allow_default_init_securityindex", true);
        builder.putList("plugins.security.restapi.roles_enabled", "all_access");
        return new Environment(builder.build(), config);
    }

    /** A key with a certificate that is its own authority, and that certificate as PEM, by the JDK's own tool. */
    static void selfSign(Path keys, Path certificate) throws IOException, InterruptedException {
        String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
        List<String> store = List.of("-alias", "node", "-keystore", keys.toString(), "-storetype", "PKCS12", "-storepass", PASSWORD);
        run(keytool, "-genkeypair", store, "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "3650", "-dname", "CN=localhost",
            "-ext", "bc:c=ca:true", "-ext", "san=dns:localhost,ip:127.0.0.1");
        run(keytool, "-exportcert", store, "-rfc", "-file", certificate.toString());
        // The plugin reads its authorities from entries of their own.
        run(keytool, "-importcert", List.of("-alias", "ca", "-keystore", keys.toString(), "-storetype", "PKCS12", "-storepass", PASSWORD),
            "-noprompt", "-file", certificate.toString());
    }

    static void run(String tool, String command, List<String> store, String... more) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of(tool, command));
        words.addAll(store);
        words.addAll(List.of(more));
        Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        if (process.waitFor() != 0) throw new IOException(command + ": " + output);
    }

    String url() {
        return "https://127.0.0.1:" + injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
    }

    static String version() {
        return Version.CURRENT.toString();
    }
}
