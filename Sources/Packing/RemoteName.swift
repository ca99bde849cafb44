import Posix

/// Names in a bucket or on the web: this program reads such objects, but writes only files and pipes.
package enum RemoteName {
  /// The command that packs a folder of a bucket.
  static func fetching(folder: [UInt8]) -> String {
    "aws s3 sync \(folder.shellWord) DIR && autosquash pack DIR"
  }

  /// The command that writes an image there.
  package static func writing(_ name: [UInt8]) -> String? {
    isInBucket(name) ? "autosquash pack SOURCE -o - | aws s3 cp - \(name.shellWord)" : nil
  }

  /// Why it cannot be written.
  package static let cannotWrite =
    "not a path on this machine; write to a file, and send it with autosquash upload"

  /// Whether a name is remote.
  package static func isRemote(_ name: [UInt8]) -> Bool {
    ["s3://", "http://", "https://"].contains { name.starts(with: $0.utf8) }
  }

  private static func isInBucket(_ name: [UInt8]) -> Bool { name.starts(with: "s3://".utf8) }
}
