import Glibc
public import Posix

/// Symbolic links, under readable names, to images whose paths autofs cannot read.
///
/// The folder belongs to root alone, so that nobody else can redirect a mount.
public struct SafeLinks {
  /// The folder of the links.
  public static let standardFolder: HostPath = "/run/autosquash/links"

  let folder: HostPath

  public init(folder: HostPath = standardFolder) { self.folder = folder }

  /// Makes the link to `target`, or finds it.
  ///
  /// - Parameters:
  ///   - target: the absolute path of the image.
  ///   - key: for messages.
  /// - Returns: the link's path.
  func link(to target: HostPath, key: [UInt8]) throws(MapRefusal) -> HostPath {
    let link = path(for: target)
    guard folder != Self.standardFolder || geteuid() == 0 else {
      throw MapRefusal(.machine, key, "this name needs a link that only root can make; try sudo")
    }
    guard link.bytes.count < Int(PATH_MAX) else {
      throw MapRefusal(.machine, key, "the path is too long for an image with such a name")
    }
    try prepare(link.parent, key)
    if readLink(link.bytes) == target.bytes { return link }
    // Another process may make the same link at the same time: both rename onto it.
    let temporary = HostPath(link.bytes + Array(".\(getpid())".utf8))
    _ = temporary.withCPath { unlink($0) }
    let made = target.withCPath { target in temporary.withCPath { symlink(target, $0) } }
    guard made == 0,
      temporary.withCPath({ from in link.withCPath { rename(from, $0) } }) == 0
    else {
      throw MapRefusal(
        .machine, key,
        "cannot make the link \(link.shortenedName), which this name needs:"
          + " \(SystemError.reason())")
    }
    return link
  }

  /// The path of the link to `target`: its bytes in hexadecimal, split into names of 200 digits.
  ///
  /// The last name has a suffix, so that no link takes the place of another's folder.
  func path(for target: HostPath) -> HostPath {
    let digits = target.bytes.hexadecimal
    var path = folder
    for start in stride(from: 0, to: digits.count, by: 200) {
      path = path.appending(
        Name(unchecked: Array(digits[start..<min(start + 200, digits.count)])))
    }
    return HostPath(path.bytes + Array(".link".utf8))
  }

  /// Makes the folder of a link, which only its owner may enter, and makes sure that nobody else
  /// can redirect anything in it.
  private func prepare(_ path: HostPath, _ key: [UInt8]) throws(MapRefusal) {
    // The parent must be open to runs of other users; the folder is ours alone.
    _ = folder.parent.withCPath { mkdir($0, 0o755) }
    var part = folder
    var rest = path.relative(to: folder)!.names[...]
    while true {
      guard part.withCPath({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
        throw MapRefusal(
          .machine, key,
          "cannot make \(part.shortenedName), which this name needs: \(SystemError.reason())")
      }
      guard let name = rest.popFirst() else { break }
      part = part.appending(name)
    }
    do { try PrivatePath.check(path) } catch {
      throw MapRefusal(
        .machine, key, "this name needs a link in \(folder.shortenedName), but \(error)")
    }
  }
}
