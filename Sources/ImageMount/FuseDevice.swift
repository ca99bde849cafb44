import CFuse
import Glibc
import Posix

/// What the system must have for mounts by programs.
package enum FuseDevice {
  /// - Throws: `MountError` that says what to do.
  package static func check() throws(MountError) {
    let device = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    guard device >= 0 else {
      switch errno {
      case EACCES, EPERM:
        throw MountError(
          .impossible,
          "/dev/fuse is closed to this user; as root, \"chmod 666 /dev/fuse\" opens it")
      case ENOENT, ENODEV, ENXIO:
        throw MountError(
          .impossible,
          "this system has no /dev/fuse; as root, \"modprobe fuse\" makes it, and a container "
            + "gets it with \"--device /dev/fuse\"")
      default: throw MountError(.impossible, "\(SystemError("open /dev/fuse"))")
      }
    }
    close(device)
    guard geteuid() == 0 || Fusermount.isThere else { throw Fusermount.missing("mounting") }
  }
}

/// fusermount3, which mounts and unmounts for users who may not.
package enum Fusermount {
  private static let name = "fusermount3"

  /// Whether it can be run.
  package static var isThere: Bool {
    let path = getenv("PATH").map { [UInt8](cString: $0) } ?? []
    let folders =
      path.split(separator: UInt8(ascii: ":")).map { Array($0) } + [Array("/usr/bin".utf8)]
    return folders.contains { folder in
      (folder + Array("/\(name)".utf8)).withCPath { access($0, X_OK) == 0 }
    }
  }

  static func missing(_ action: String) -> MountError {
    MountError(
      .impossible,
      "\(action) needs \(name), which is missing; on Debian, \"apt-get install fuse3\" installs it")
  }

  static func unmount(_ path: [UInt8], isLazy: Bool) throws(MountError) {
    guard isThere else { throw missing("unmounting") }
    let command = [name, "-u"] + (isLazy ? ["-z"] : []) + ["--"]
    let (result, output) = CapturedErrors.during { () -> Result<Int32, SystemError> in
      Result { () throws(SystemError) in
        try ChildProcess.run(command.map { Array($0.utf8) } + [path]).status
      }
    }
    switch result {
    case .success(0): return
    case .success:
      throw String(decoding: output, as: UTF8.self).contains("busy")
        ? MountError(.busy, "in use") : MountError.explaining(output, "unmount")
    case .failure(let error): throw MountError(.impossible, "\(error)")
    }
  }
}
