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
    let entry: MapEntry
    switch configuration.images {
    case .folder(let images):
      entry = try MapQuery(
        configuration: configuration, images: images, program: Installation.map
      ).answer(key, at: level)
    case .bucket(let folder):
      entry = try ImagesBucket(folder, configuration)
        .answer(key, at: level, map: Installation.map)
    }
    var output = StandardOutput()
    try output.write(entry.bytes + [UInt8(ascii: "\n")])
    try output.flush()
    return 0
  }
}
