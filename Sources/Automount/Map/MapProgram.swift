import Glibc
import Posix

/// The program that autofs runs: a key in, an entry out.
public enum MapProgram {
  /// `run` with this process's arguments.
  ///
  /// mount(8) runs the same program under another name.
  public static func main() -> Int32 {
    let arguments = ProcessArguments.all
    let name = arguments.first?.lastPathComponent
    return name?.elementsEqual(MountProgram.name.bytes) == true
      ? MountProgram.run(arguments) : run(arguments)
  }

  /// Prints the answer for the key in the arguments on standard output, or the reason against it on
  /// standard error, in one line that autofs writes to the log.
  ///
  /// Hidden names are refused silently: no person asks for them.
  ///
  /// - Returns: the exit status: 0 answered, 1 refused, 2 for a call without exactly one key.
  static func run(_ arguments: [[UInt8]]) -> Int32 {
    guard arguments.count == 2 else {
      complain("needs one argument, the key that autofs asks for; see autosquash-map(8)")
      return 2
    }
    do {
      let key = try MapKey(arguments[1])
      let configuration = try Configuration.load()
      let level = try MapLevel.current(mountRoot: configuration.mountRoot, key: key.name.bytes)
      // A process left behind must not keep the mount point busy.
      _ = chdir("/")
      let entry: MapEntry
      switch configuration.images {
      case .folder(let images):
        entry = try MapQuery(
          configuration: configuration, images: images, program: path(arguments[0])
        ).answer(key, at: level)
      case .bucket:
        let maps = configuration.state.appending(FileMaps.folder)
        guard let listed = FileMaps.entry(of: key, at: level, in: maps) else {
          return askMain(level.appending(key.name))
        }
        entry = listed
      }
      return write(entry.bytes + [UInt8(ascii: "\n")]) ? 0 : 1
    } catch {
      if (error as? MapRefusal)?.code != .hidden { complain("\(error)") }
      return 1
    }
  }

  /// Leaves the answer to `autosquash map`, which can ask a bucket.
  ///
  /// - Returns: the exit status if it cannot be run.
  private static func askMain(_ path: RelativePath) -> Int32 {
    guard let map = resolved else {
      complain("cannot find this program: /proc is not mounted")
      return 1
    }
    let program = main(beside: map)
    execute([program.bytes, Array("map".utf8), Array("--".utf8), path.bytes])
    complain("\(SystemError("run", path: program))")
    return 1
  }

  /// The main program, which is installed together with the map.
  ///
  /// - Parameter map: the map's path, without links.
  static func main(beside map: HostPath) -> HostPath {
    let beside = map.parent.appending("autosquash" as Name)
    // In a build directory they lie side by side.
    if beside.withCPath({ access($0, X_OK) }) == 0 { return beside }
    return map.parent.parent.parent.appending("bin/autosquash" as RelativePath)
  }

  /// Runs another program in place of this one; returns only if that fails.
  static func execute(_ command: [[UInt8]]) {
    var words: [UnsafeMutablePointer<CChar>?] =
      command.map { $0.withCPath { strdup($0) } } + [nil]
    execv(words[0]!, &words)
  }

  /// The program's path: the one autofs used, or its location.
  private static func path(_ name: [UInt8]) -> HostPath {
    name.isAbsolutePath ? HostPath(name) : resolved ?? HostPath(name)
  }

  /// The program's location, without links.
  static var resolved: HostPath? {
    guard let resolved = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(resolved) }
    return HostPath([UInt8](cString: resolved))
  }

  /// - Parameter name: the name under which the program was called.
  static func complain(_ text: String, as name: String = "autosquash-map") {
    // autofs cuts lines longer than a kilobyte.
    let line = "\(name): \(text)"
    StandardError.write((line.utf8.count < 1000 ? line : line.prefix(240) + "...") + "\n")
  }

  private static func write(_ line: [UInt8]) -> Bool {
    writeFully(STDOUT_FILENO, line)
  }
}
