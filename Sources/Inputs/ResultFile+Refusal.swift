import FileTrees
import Glibc
package import Posix

extension ResultFile {
  /// Makes sure that a result neither replaces its own source nor goes into it.
  ///
  /// - Throws: `SourceError` if both are the same file or directory.
  package static func refuse(_ output: [UInt8], inPlaceOf source: [UInt8]) throws {
    if let first = stat(at: output), let second = stat(at: source),
      first.isRegular || first.isDirectory, first.identity == second.identity
    {
      throw SourceError(
        .refused, path: output, "this is the source itself; give the result another name")
    }
  }
}
