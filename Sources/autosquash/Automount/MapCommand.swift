import ArgumentParser
import Automount
import Glibc
import MachineSetup
import Posix

/// `autosquash map`: the program map's answer, for people.
struct MapCommand: Subcommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Print the answer that the automounter gets for a name, or why it gets none.",
    discussion: """
      NAME is the path below the mount root: my-tarball, or course1/week1/data in folders. The \
      answer is that of autosquash-map, the program that autofs asks; nothing is mounted. Names that \
      begin with a dot are never looked up: no image has one.
      """)

  @Argument(help: "The name of an image or folder.") var name: ByteArgument

  func execute() throws -> Int32 {
    let configuration = try Configuration.load()
    // The slash comes from the shell's completion of folders.
    let path = name.bytes.withoutTrailingSlashes
    // Every part must be a name; otherwise the path could lead elsewhere.
    var keys: [MapKey] = []
    for part in path.split(separator: pathSeparator, omittingEmptySubsequences: false) {
      keys.append(try MapKey(Array(part)))
    }
    let key = keys.removeLast()
    let level = MapLevel(path: RelativePath(keys.map(\.name)))
    let query = MapQuery(configuration: configuration, program: Installation.map)
    var output = StandardOutput()
    try output.write(query.answer(key, at: level).bytes + [UInt8(ascii: "\n")])
    try output.flush()
    return 0
  }
}
