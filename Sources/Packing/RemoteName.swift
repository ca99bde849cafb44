import Posix

/// Names in a bucket or on the web: this program reads such objects, and writes images to buckets.
package enum RemoteName {
  /// The command that packs a folder of a bucket.
  static func fetching(folder: [UInt8]) -> String {
    "aws s3 sync \(folder.shellWord) DIR && autosquash pack DIR"
  }

  /// Why it cannot be written.
  package static let cannotWrite =
    "not a path on this machine; write to a file, and send it with autosquash upload"

  /// Whether a name is remote.
  package static func isRemote(_ name: [UInt8]) -> Bool {
    ["s3://", "http://", "https://"].contains { name.starts(with: $0.utf8) }
  }
}
