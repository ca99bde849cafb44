import Automount
import CLinux
import Glibc
package import Posix

/// The locations of the programs in a system: this one, and the map that autofs runs.
package struct Installation {
  let program: HostPath
  let map: HostPath

  /// The locations of `make install` and packages.
  private init(prefix: String) {
    program = HostPath("\(prefix)/bin/autosquash")
    map = HostPath("\(prefix)/libexec/autosquash/autosquash-map")
  }

  private init(program: HostPath) {
    self.program = program
    map = Self.map(of: program)
  }

  /// The locations in a system.
  ///
  /// - Returns: for the running system, the running programs; for another, those found in it, or
  ///   where a package would put them.
  static func inSystem(_ root: SystemRoot) throws -> Installation {
    if root.isRunning {
      guard let program else {
        throw SetupError(
          path: "",
          text: "cannot find this program: /proc is not mounted; mount it, or call the"
            + " program by its full path")
      }
      return Installation(program: program)
    }
    return try ["/usr", "/usr/local"].map { Installation(prefix: $0) }.first {
      try root.firstFound(of: [$0.program]) != nil
    } ?? Installation(prefix: "/usr")
  }

  /// The program map of the running system.
  package static var map: HostPath {
    program.map { map(of: $0) } ?? Installation(prefix: "/usr").map
  }

  /// The program map: in `libexec` next to the program's folder; otherwise next to the program, as
  /// in a build directory.
  private static func map(of program: HostPath) -> HostPath {
    let folder = program.parent
    let beside = folder.appending("autosquash-map" as Name)
    guard folder.lastComponent.elementsEqual("bin".utf8), !canRun(beside) else { return beside }
    return folder.parent.appending("libexec/autosquash/autosquash-map" as RelativePath)
  }

  /// The path of this program; `nil` if the system does not say.
  static var program: HostPath? {
    // A bare chroot has no /proc, but the kernel has also passed the path of the program.
    let started = UnsafePointer<CChar>(bitPattern: getauxval(UInt(AT_EXECFN)))
    guard let resolved = realpath("/proc/self/exe", nil) ?? started.flatMap({ realpath($0, nil) })
    else { return nil }
    defer { free(resolved) }
    return HostPath([UInt8](cString: resolved))
  }

  /// Whether mount(8) finds its helper for listed images.
  static var hasMountHelper: Bool { canRun(MountProgram.path) }

  private static func canRun(_ path: HostPath) -> Bool {
    path.withCPath { access($0, X_OK) } == 0
  }
}

extension SystemRoot {
  /// The first of these paths that exists. A path through a link counts as missing: if /sbin is a
  /// link, its target is in the list too.
  func firstFound(of paths: [HostPath]) throws(SystemError) -> HostPath? {
    for path in paths {
      do {
        if try has(path) { return path }
      } catch {
        guard [ELOOP, ENOTDIR].contains(error.code) else { throw error }
      }
    }
    return nil
  }
}
