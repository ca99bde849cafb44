import Glibc
import Posix

/// Where the certificates are that a server's must derive from.
struct TrustedCertificates: Equatable {
  /// One file with all of them.
  var file: String?
  /// A folder with one file each, found by a hash of the name.
  var folder: String?

  /// The folder that Debian keeps.
  static let systemFolder = "/etc/ssl/certs"

  /// The first of: what the user chose, what the environment names, the system's folder.
  ///
  /// OpenSSL reads the whole of a file for each connection, which takes 38 ms for Debian's; of a
  /// folder it reads what a connection needs.
  ///
  /// - Returns: `nil` to leave it to libcurl.
  static func choose(
    option: String?, environment: (String) -> String?, isFolder: (String) -> Bool,
    hasHashes: (String) -> Bool
  ) -> TrustedCertificates? {
    if let path = option ?? environment("AWS_CA_BUNDLE") {
      return isFolder(path) ? TrustedCertificates(folder: path) : TrustedCertificates(file: path)
    }
    let file = environment("SSL_CERT_FILE")
    let folder = environment("SSL_CERT_DIR")
    if file != nil || folder != nil { return TrustedCertificates(file: file, folder: folder) }
    return hasHashes(systemFolder) ? TrustedCertificates(folder: systemFolder) : nil
  }

  /// Chooses for this process.
  static func choose(option: String?) -> TrustedCertificates? {
    choose(
      option: option,
      environment: environmentVariable,
      isFolder: { stat(at: Array($0.utf8))?.isDirectory ?? false }, hasHashes: hasHashes)
  }

  /// Whether a folder has names as OpenSSL looks for them: eight digits, a dot and a number.
  private static func hasHashes(_ path: String) -> Bool {
    guard let folder = opendir(path) else { return false }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let isHash = withUnsafeBytes(of: &entry.pointee.d_name) { name in
        name[8] == UInt8(ascii: ".") && name[9] == UInt8(ascii: "0") && name[10] == 0
          && name[..<8].allSatisfy { "0123456789abcdef".utf8.contains($0) }
      }
      if isHash { return true }
    }
    return false
  }
}
