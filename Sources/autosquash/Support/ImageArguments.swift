import ArgumentParser
import FileTrees
import Glibc
import Posix
import SquashFS
import Terminal

/// The image that a command reads.
struct ImageArguments: ParsableArguments {
  @Argument(help: "The image.")
  var image: ByteArgument

  @Option(
    help: ArgumentHelp(
      "Where the image starts in the file, in bytes; auto searches (AppImage, SIF).",
      valueName: "n|auto"))
  var offset = ImageOffset.start

  func validate() throws { try image.refuseEmpty("an image") }

  /// - Parameter salvages: whether a damaged image is opened as far as it goes.
  func open(salvages: Bool = false) throws -> Image {
    try ImageFile.open(image.bytes, offset: offset, salvages: salvages)
  }
}

/// Opens images that users name.
enum ImageFile {
  /// - Parameter salvages: whether a damaged image is opened as far as it goes.
  static func open(
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
          "; \"autosquash extract --keep-going \(path.shellWord)\" saves what can be read"
      default: break
      }
      throw error
    }
  }
}

extension ImageFile {
  /// Containers have the image near their start; more is not searched for a message.
  private static let searchedForAdvice: UInt64 = 16 << 20

  /// What the file is instead of an image, and what to do with it.
  static func explained(_ error: ImageReadError, _ path: [UInt8]) -> ImageReadError {
    // Compressed bytes may hold what looks like one.
    if let start = try? ImageSearch.findImage(in: path, within: searchedForAdvice), start > 0,
      (try? Image(ImageInput(path: path, base: start))) != nil
    {
      return ImageReadError(
        .notAnImage, "an image is in this file, at byte \(start); --offset auto reads it")
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

  /// The same of a file that is no archive either, for commands that take both.
  static func explained(_ error: SourceError, _ path: [UInt8]) -> SourceError {
    guard let start = try? ImageSearch.findImage(in: path, within: searchedForAdvice), start > 0
    else { return error }
    let command = RunningCommand.word ?? "autosquash"
    return SourceError(
      .unreadable, path: path, "an image is in this file, at byte \(start)",
      hint: command == Manifest.configuration.commandName
        ? "--offset auto reads it" : "\(command) reads no images within other files")
  }

  /// Whether a damaged image has at least a root.
  private static func canSalvage(_ path: [UInt8], offset: ImageOffset) -> Bool {
    guard let image = try? open(path, offset: offset, salvages: true) else { return false }
    return (try? image.root()) != nil
  }
}

extension Messages {
  /// Prints an error with the file it is about.
  ///
  /// - Parameter source: for errors that do not know their file.
  /// - Returns: the exit status for it.
  static func fail(_ source: [UInt8], _ error: any Error) -> Int32 {
    switch error {
    case let error as ImageReadError where error.code == .unreadable && RemoteName.isRemote(source):
      write(source, "not on this machine; fetch it with aws s3 cp or curl first")
    case let error as SourceError:
      write(error.path, error.message(takes: RunningCommand.takes))
    case let error as SystemError:
      write(error.path, OutputFault.reason(of: error) ?? error.description)
    default: write(source, "\(error)")
    }
    return ExitStatus.of(error)
  }
}
