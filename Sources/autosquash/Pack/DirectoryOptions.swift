import ArgumentParser
import FileTrees

/// How to read directories.
struct DirectoryOptions: ParsableArguments {
  @Flag(
    help: "In a directory, take the targets of symbolic links, not the links, as tar -h does.")
  var dereference = false

  func options() -> DirectorySource.Options {
    var options = DirectorySource.Options()
    options.dereferences = dereference
    return options
  }
}
