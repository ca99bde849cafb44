import Inputs
import Posix
import SquashFS

/// Takes blocks over from an old image. Whatever is wrong with it is only a warning: the new image
/// then takes longer, but is the same.
extension Packer {
  /// - Returns: `nil` if there is no such image to use.
  func openOld() -> OldImage? {
    guard let path = options.reused else { return nil }
    do {
      let image = try ImageOpener.open(path, offset: Self.start(of: path))
      return try OldImage(image, for: options.writer)
    } catch let error as OldImageMismatch {
      options.warn(path, "nothing of it can be reused: \(error)")
    } catch let error as ImageReadError {
      // The advice after the semicolon is for other commands.
      let reason =
        RemoteName.isRemote(path)
        ? "it is not on this machine" : String(error.message.prefix { $0 != ";" })
      options.warn(path, "cannot be reused: \(reason); all files are compressed anew")
    } catch {
      options.warn(path, "cannot be reused: \(error); all files are compressed anew")
    }
    return nil
  }

  /// Where an image starts that may be in a container.
  private static func start(of path: [UInt8]) -> ImageOffset {
    do {
      _ = try Image(ImageInput(path: path))
      return .start
    } catch {
      guard error.code == .notAnImage,
        let start = try? ImageSearch.findImage(
          in: FileBytes(path: path), within: longestContainerHead)
      else { return .start }
      return .bytes(start)
    }
  }

  /// Containers have the image near their start.
  private static let longestContainerHead: UInt64 = 16 << 20

  /// Warns of damage in an old image.
  func warn(of old: OldImage, _ data: DataStatistics) {
    guard let path = options.reused else { return }
    var parts: [String] = []
    let blocks = data.unreadableOldBlocks + old.unreadableBlocks
    if blocks > 0 { parts.append("\(blocks.counted("block")) cannot be unpacked") }
    if let damage = old.damage { parts.append("\(damage)") }
    guard !parts.isEmpty else { return }
    options.warn(
      path,
      "is damaged: \(parts.joined(separator: ", and ")); the new image is whole, and"
        + " \"autosquash verify \(path.shellWord)\" says more about this one")
  }
}
