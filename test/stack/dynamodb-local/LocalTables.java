import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;

/** DynamoDB Local, in memory, on a free port of the loopback interface, until standard input ends. */
public class LocalTables {

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err); // standard output is for the READY line alone
        int port;
        // It cannot choose a free port itself.
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        DynamoDBProxyServer server = ServerRunner.createServerFromCommandLineArgs(
            new String[] {"-inMemory", "-sharedDb", "-disableTelemetry", "-port", String.valueOf(port)}
        );
        server.start();
        out.printf("READY {\"url\":\"http://127.0.0.1:%d\"}%n", port);
        while (System.in.read() >= 0);
        Runtime.getRuntime().halt(0); // nothing to keep
    }
}
