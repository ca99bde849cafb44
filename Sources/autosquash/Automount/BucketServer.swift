import Automount
import Glibc
import Posix

/// The process of s3fs that serves a mount.
struct BucketServer {
  let process: pid_t
  /// The words it was called with.
  let arguments: [[UInt8]]

  /// - Returns: `nil` where none can be found by this user, or from here.
  init?(of mount: MountTable.Mount) {
    let owners =
      [0]
      + mount.options.compactMap { option in
        option.hasPrefix("user_id=") ? uid_t(option.dropFirst("user_id=".count)) : nil
      }
    guard let stream = opendir("/proc") else { return nil }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = String(decoding: entry.pointee.name, as: UTF8.self)
      // What another user's process calls itself counts for nothing.
      var status = stat()
      guard let process = pid_t(name), stat("/proc/\(name)", &status) == 0,
        owners.contains(status.st_uid),
        let program = try? SmallFile.read(Array("/proc/\(name)/comm".utf8), limit: 4096),
        program.elementsEqual("s3fs\n".utf8),
        let line = try? SmallFile.read(Array("/proc/\(name)/cmdline".utf8), limit: 64 << 10)
      else { continue }
      let arguments = line.split(separator: 0).map { Array($0) }
      if arguments.contains(mount.point) {
        self.process = process
        self.arguments = arguments
        return
      }
    }
    return nil
  }
}
