import ArgumentParser
import FileTrees

/// How to read archives.
struct ArchiveOptions: ParsableArguments {
  @Flag(help: "Read past the end of a tar archive, for tar archives joined by cat or tee -a.")
  var ignoreZeros = false

  @Option(
    help: ArgumentHelp(
      "Character set of names in zip archives that are not UTF-8: cp437, gbk, shift_jis, ….",
      valueName: "charset"))
  var zipCharset: String?

  func validate() throws {
    if let zipCharset, !ArchiveSource.knows(charset: zipCharset) {
      throw ValidationError(
        "'\(zipCharset)' is not a known character set; iconv --list names them all.")
    }
  }

  func options() -> ArchiveSource.Options {
    var options = ArchiveSource.Options()
    options.ignoresZeros = ignoreZeros
    options.zipCharset = zipCharset
    return options
  }
}
