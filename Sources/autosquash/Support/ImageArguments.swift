import ArgumentParser
import FileTrees
package import Inputs
import Packing
import Posix
import SquashFS
import Terminal
import Uploading

/// The image for a command to read.
struct ImageArguments: ParsableArguments {
  @Argument(help: "The image: a file, s3://BUCKET/KEY, or a URL.")
  var image: ByteArgument

  @OptionGroup(title: "Buckets") var bucket: BucketOptions

  @Option(
    help: ArgumentHelp(
      "Where the image starts in the file, in bytes; auto searches (AppImage, SIF).",
      valueName: "n|auto"))
  var offset = ImageOffset.start

  func validate() throws { try image.refuseEmpty("an image") }

  /// - Parameter salvages: whether to open a damaged image as far as possible.
  func open(salvages: Bool = false) throws -> Image {
    try ImageOpener.open(image.bytes, offset: offset, salvages: salvages)
  }
}

extension ImageOffset: ExpressibleByArgument {
  package init?(argument: String) { self.init(argument) }
}

extension Messages {
  /// Prints an error with its file.
  ///
  /// - Parameter source: the file for errors that do not name one.
  /// - Returns: the exit status.
  static func fail(_ source: [UInt8], _ error: any Error) -> Int32 {
    // Requests that were stopped are no failure to report.
    if let error = error as? ImageReadError, error.code == .unreadable {
      Interruption.endIfRequested()
    }
    switch error {
    case let error as UploadError: return fail(error.subject, error.reason)
    case let error as SourceError:
      write(error.path, error.message(takes: RunningCommand.takes))
    case let error as SystemError:
      write(error.path, OutputFault.reason(of: error) ?? error.description)
    default: write(source, "\(error)")
    }
    return ExitStatus.of(error)
  }
}
