import FileTrees
import Glibc
package import Posix

extension ResultFile {
  /// Makes sure that a result does not take the place of what it is made from, nor goes into it.
  ///
  /// - Throws: `SourceError` where both are one file or directory.
  package static func refuse(_ output: [UInt8], inPlaceOf source: [UInt8]) throws {
    var (first, second) = (stat(), stat())
    if output.withCPath({ stat($0, &first) }) == 0, source.withCPath({ stat($0, &second) }) == 0,
      [S_IFREG, S_IFDIR].contains(first.st_mode & S_IFMT), first.st_dev == second.st_dev,
      first.st_ino == second.st_ino
    {
      throw SourceError(
        .refused, path: output, "this is the source itself; give the result another name")
    }
  }
}
