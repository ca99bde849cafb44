import Automount
import CLinux
import Glibc
package import Posix

/// Where the programs are in a system: this one, and the map that autofs runs.
package struct Installation {
  let program: HostPath
  let map: HostPath

  /// Where `make install` and packages put them.
  private init(prefix: String) {
    program = HostPath("\(prefix)/bin/autosquash")
    map = HostPath("\(prefix)/libexec/autosquash/autosquash-map")
  }

  private init(program: HostPath) {
    self.program = program
    map = Self.map(of: program)
  }

  /// Where a system has them.
  ///
  /// - Returns: for the running system, those that run; for another, those that are in it, and where
  ///   a package would put them if there are none.
  static func inSystem(_ root: SystemRoot) throws -> Installation {
    if root.isRunning {
      guard let program else {
        throw SetupError(
          path: "",
          text: "cannot tell where this program is: /proc is not mounted; mount it, or call the"
            + " program by its whole path")
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

  /// The program map: in `libexec` beside the folder of the program, else beside the program, as
  /// where it is built.
  private static func map(of program: HostPath) -> HostPath {
    let folder = program.parent
    let beside = folder.appending("autosquash-map" as Name)
    guard folder.lastComponent.elementsEqual("bin".utf8), !canRun(beside) else { return beside }
    return folder.parent.appending("libexec/autosquash/autosquash-map" as RelativePath)
  }

  /// This program; `nil` where the system does not tell.
  static var program: HostPath? {
    // A bare chroot has no /proc; the kernel has told as well by what path it was started.
    let started = UnsafePointer<CChar>(bitPattern: getauxval(UInt(AT_EXECFN)))
    guard let resolved = realpath("/proc/self/exe", nil) ?? started.flatMap({ realpath($0, nil) })
    else { return nil }
    defer { free(resolved) }
    return HostPath([UInt8](cString: resolved))
  }

  /// Whether mount(8) finds its helper for the images of lists.
  static var hasMountHelper: Bool { canRun(MountProgram.path) }

  private static func canRun(_ path: HostPath) -> Bool {
    path.withCPath { access($0, X_OK) } == 0
  }
}

extension SystemRoot {
  /// The first of these paths at which something is. A link on the way counts as nothing there: in
  /// a system where /sbin is one, what it leads to has a path of its own.
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
