import Posix

/// Something an image cannot hold.
package enum ImageError: Error, CustomStringConvertible {
  case tooManyIDs
  case tooManyInodes
  case directoryTooLarge(path: [UInt8])
  case deviceTooLarge(path: [UInt8])
  case unsupportedXattr(name: [UInt8])
  case tablesTooLarge
  /// Of an image that goes out in parts; the limit in bytes.
  case openingTooLarge(most: UInt64)
  /// A file of an image that goes out in parts cannot be dropped, since its bytes are away.
  case cannotTakeBack

  package var description: String {
    switch self {
    case .tooManyIDs:
      "more than 65,535 different user and group ids, the most an image can hold; map them with "
        + "--uid-map and --gid-map, or use --ownership root"
    case .tooManyInodes: "more than 4,294,967,294 entries, the most an image can hold"
    case .directoryTooLarge(let path):
      "\(path.escapedName): the names in this directory take more than 4 GiB"
    case .deviceTooLarge(let path):
      "\(path.escapedName): the device number does not fit an image (major below 4,096, minor below "
        + "1,048,576)"
    case .unsupportedXattr(let name):
      "\(name.escapedName): an image holds user.*, trusted.* and security.* attributes only"
    case .tablesTooLarge: "the names and inodes take more than 4 GiB, the most an image can hold"
    case .openingTooLarge(let most):
      "the files that come first take more than \(most >> 30) GiB, the most that the first part of an upload "
        + "can have; pack to a file and upload that"
    case .cannotTakeBack: "a file that is partly sent cannot be left out"
    }
  }
}
