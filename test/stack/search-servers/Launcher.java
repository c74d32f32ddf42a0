import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Runs one node, an Engine of the chosen kind, with temporary data on a free port of the loopback interface, until standard input
 * ends. Says READY with its address when the cluster can be used.
 */
public class Launcher {

    public static void main(String[] args) {
        try {
            run();
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    static void run() throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err); // standard output is for the READY line alone, and some plugins print there
        new Thread(Launcher::awaitEnd).start(); // the server's own threads do not keep the process alive; this one does
        Path home = Files.createTempDirectory("search-server-");
        Engine node = new Engine(settings(home));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(node, home)));
        node.start();
        while (!get(node.url() + "/_cluster/health?wait_for_status=yellow&timeout=30s").matches("(?s).*\"status\":\"(green|yellow)\".*")) {
            Thread.sleep(50);
        }
        out.printf("READY {\"url\":\"%s\",\"version\":\"%s\"}%n", node.url(), Engine.version());
    }

    static void awaitEnd() {
        try {
            while (System.in.read() >= 0);
        } catch (IOException e) {
            e.printStackTrace();
        }
        System.exit(0);
    }

    static Map<String, String> settings(Path home) {
        Map<String, String> settings = new HashMap<>();
        settings.put("cluster.name", "test");
        settings.put("node.name", "test-1");
        settings.put("path.home", home.toString());
        settings.put("network.host", "127.0.0.1");
        settings.put("http.port", "0");
        settings.put("transport.port", "0");
        settings.put("discovery.type", "single-node");
        // Or else a nearly full disk turns indexes read-only.
        settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
        // Tests make many small indexes in one node.
        settings.put("cluster.max_shards_per_node", "5000");
        return settings;
    }

    static void stop(Engine node, Path home) {
        try {
            node.close();
            node.awaitClose(10, TimeUnit.SECONDS);
            try (Stream<Path> paths = Files.walk(home)) {
                for (Path path : (Iterable<Path>) paths.sorted(Comparator.reverseOrder())::iterator) Files.deleteIfExists(path);
            }
        } catch (Exception e) {
            e.printStackTrace();
        }
    }

    static String get(String url) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) URI.create(url).toURL().openConnection();
        if (connection instanceof HttpsURLConnection) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(trust(Path.of(System.getProperty("certificate"))).getSocketFactory());
            connection.setRequestProperty("Authorization", "Basic " + Base64.getEncoder().encodeToString("admin:admin".getBytes()));
        }
        try (InputStream body = connection.getResponseCode() < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            return body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    static SSLContext trust(Path certificate) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream pem = Files.newInputStream(certificate)) {
            store.setCertificateEntry("node", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }
}
