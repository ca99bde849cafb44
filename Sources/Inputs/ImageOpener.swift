import FileTrees
import Posix
package import SquashFS

/// Opens images named by users.
package enum ImageOpener {
  /// - Parameter salvages: whether to open a damaged image as far as possible.
  /// - Throws: errors that say what to do.
  package static func open(
    _ path: [UInt8], offset: ImageOffset, salvages: Bool = false
  ) throws -> Image {
    do {
      return try Image(
        offset.input(path), tolerating: salvages ? .lostTables : .nothing)
    } catch var error as ImageReadError {
      switch error.code {
      case .notAnImage where offset == .start: error = explained(error, path)
      case .damaged where error.offset == 0 && FileKind(of: path) != nil:
        error = explained(error, path)
      case .damaged where !salvages && canSalvage(path, offset: offset):
        error.message +=
          "; \"autosquash extract --keep-going \(path.shellWord)\" saves the readable part"
      default: break
      }
      throw error
    }
  }

  /// Containers have the image near their start; searching further is not worth a message.
  private static let searchedForAdvice: UInt64 = 16 << 20

  /// The error with the file's real kind, and advice about it.
  package static func explained(_ error: ImageReadError, _ path: [UInt8]) -> ImageReadError {
    // Compressed bytes may contain something that looks like an image.
    if let start = firstImage(path), start > 0,
      (try? Image(ImageOffset.bytes(start).input(path))) != nil
    {
      return ImageReadError(
        .notAnImage, "this file contains an image, at byte \(start); --offset auto reads it")
    }
    guard let kind = FileKind(of: path) else {
      return ImageReadError(error.code, at: error.offset == 0 ? nil : error.offset, error.message)
    }
    var advice: [String] = []
    if let lister = kind.lister { advice.append("\"\(lister) \(path.shellWord)\" lists it") }
    if kind.isSource {
      advice.append("\"autosquash pack \(path.shellWord)\" makes an image of it")
    }
    if let other = kind.advice { advice.append(other) }
    return ImageReadError(
      .notAnImage,
      "\(kind.name), not a SquashFS image"
        + (advice.isEmpty ? "" : "; " + advice.joined(separator: ", ")))
  }

  /// The error for a file that is not an archive either, for commands that take both.
  ///
  /// - Parameter hint: advice about an image inside the file.
  static func explained(_ error: SourceError, _ path: [UInt8], hint: String?) -> SourceError {
    guard let start = firstImage(path), start > 0 else { return error }
    return SourceError(
      .unreadable, path: path, "this file contains an image, at byte \(start)", hint: hint)
  }

  private static func firstImage(_ path: [UInt8]) -> UInt64? {
    // What is far away is not worth a long search.
    guard !RemoteObjects.isRemote(path), let source = try? FileBytes(path: path) else { return nil }
    return try? ImageSearch.findImage(in: source, within: searchedForAdvice)
  }

  /// Whether a damaged image has at least a root.
  private static func canSalvage(_ path: [UInt8], offset: ImageOffset) -> Bool {
    guard let image = try? open(path, offset: offset, salvages: true) else { return false }
    return (try? image.root()) != nil
  }
}
