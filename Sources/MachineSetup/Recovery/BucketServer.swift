import Automount
import Glibc
import Posix

/// The s3fs process that serves a mount.
struct BucketServer {
  let process: pid_t
  /// Its command line.
  let arguments: [[UInt8]]

  /// - Returns: `nil` if this user cannot find one, or not from here.
  init?(of mount: MountTable.Mount) {
    let owners =
      [0]
      + mount.options.compactMap { option in
        option.hasPrefix("user_id=") ? uid_t(option.dropFirst("user_id=".count)) : nil
      }
    guard var entries = try? DirectoryStream(at: "/proc") else { return nil }
    while let entry = try? entries.next() {
      let folder = HostPath("/proc").appending(entry.name)
      // Ignore what another user's process calls itself.
      guard let process = pid_t(String(decoding: entry.name.bytes, as: UTF8.self)),
        let status = stat(at: folder), owners.contains(status.st_uid),
        let program = try? SmallFile.read(folder.appending("comm" as Name), limit: 4096),
        program.elementsEqual("s3fs\n".utf8),
        let line = try? SmallFile.read(folder.appending("cmdline" as Name), limit: 64 << 10)
      else { continue }
      let arguments = line.split(separator: 0).map { Array($0) }
      if arguments.contains(mount.point.bytes) {
        self.process = process
        self.arguments = arguments
        return
      }
    }
    return nil
  }
}
