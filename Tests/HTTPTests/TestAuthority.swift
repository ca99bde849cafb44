import TestSupport

/// An authority for certificates, with one for a server on the loopback.
struct TestAuthority {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    try Tool.check(
      ["openssl", "req", "-x509"] + key + [
        "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2",
      ], in: folder.root)
    try Tool.check(
      ["openssl", "req"] + key + ["-keyout", "key.pem", "-out", "request", "-subj", "/CN=test"],
      in: folder.root)
    try folder.write("names", Array("subjectAltName=IP:127.0.0.1".utf8))
    try Tool.check(
      [
        "openssl", "x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-CAcreateserial", "-out", "certificate.pem", "-days", "2", "-extfile", "names",
      ], in: folder.root)
    try folder.write(
      "identity.pem", try folder.read("certificate.pem") + folder.read("key.pem"))
    try Tool.check(["mkdir", "hashed"], in: folder.root)
    try Tool.check(["cp", "ca.pem", "hashed/ca.pem"], in: folder.root)
    try Tool.check(["openssl", "rehash", "hashed"], in: folder.root)
  }

  /// The server's certificate and its key.
  var identity: String { folder.path("identity.pem") }
  /// The authority's own certificate.
  var file: String { folder.path("ca.pem") }
  /// A folder with it, as OpenSSL looks for it.
  var hashedFolder: String { folder.path("hashed") }
}
