import FileTrees
import Glibc
import Inputs
import Posix
import SquashFS
import SquashFSFormat

/// An existing file under the name of an image to make.
enum ExistingImage {
  /// Makes sure that it is an image, complete judging by superblock and length.
  ///
  /// - Throws: `SourceError`.
  static func check(_ path: [UInt8]) throws(SourceError) {
    if !RemoteObjects.isRemote(path) { try checkFile(path) }
    do {
      let image = try ImageOpener.open(path, offset: .start)
      let blocks = image.input.length / Superblock.deviceBlock * Superblock.deviceBlock
      if image.superblock.bytesUsed > blocks {
        throw refusal(path, "its end is not padded to 1024 bytes")
      }
    } catch let error as SourceError {
      throw error
    } catch let error as ImageReadError {
      // Drop the advice after the semicolon: it is different here.
      throw refusal(path, String(error.message.prefix { $0 != ";" }))
    } catch {
      throw refusal(path, "\(error)")
    }
  }

  private static func checkFile(_ path: [UInt8]) throws(SourceError) {
    guard let status = stat(at: path) else {
      throw refusal(path, SystemError.reason())
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFBLK: break
    case let kind:
      throw refusal(
        path, kind == S_IFDIR ? "a directory" : "not a regular file",
        "remove it or give another name")
    }
  }

  private static func refusal(
    _ path: [UInt8], _ reason: String, _ advice: String = "--force replaces it"
  ) -> SourceError {
    SourceError(
      .refused, path: path, "exists, but is not a complete image (\(reason))", hint: advice)
  }
}
