import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** A side of a TLS connection, with the keystore and truststore of the system properties; it sends its name and prints the other's. */
class TlsPeer {
  public static void main(String[] arguments) throws Exception {
    SSLContext context = SSLContext.getDefault();
    if (arguments[0].equals("server")) {
      SSLServerSocket server =
          (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
      server.setNeedClientAuth(true);
      System.out.println(server.getLocalPort());
      talk((SSLSocket) server.accept());
    } else {
      SSLSocket client = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", Integer.parseInt(arguments[1]));
      SSLParameters parameters = client.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      client.setSSLParameters(parameters);
      talk(client);
    }
  }

  private static void talk(SSLSocket peer) throws Exception {
    peer.getOutputStream().write("hello from Java\n".getBytes(StandardCharsets.US_ASCII));
    BufferedReader lines = new BufferedReader(new InputStreamReader(peer.getInputStream(), StandardCharsets.US_ASCII));
    System.out.println(peer.getSession().getPeerPrincipal() + " " + lines.readLine());
    peer.close();
  }
}
