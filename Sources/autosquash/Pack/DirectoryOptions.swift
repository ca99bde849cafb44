import ArgumentParser
import FileTrees

/// How to read directories.
struct DirectoryOptions: ParsableArguments {
  @Flag(
    help: "Of a directory, take what symbolic links lead to, and not the links, as tar -h does.")
  var dereference = false

  func options() -> DirectorySource.Options {
    var options = DirectorySource.Options()
    options.dereferences = dereference
    return options
  }
}
