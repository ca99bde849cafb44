internal import Glibc
internal import Posix

/// Symbolic links to images whose paths autofs cannot read, under names that it can.
///
/// The folder belongs to root alone, so that nobody else can lead a mount elsewhere.
public struct SafeLinks {
  /// Where they are.
  public static let standardFolder = Array("/run/autosquash/links".utf8)

  let folder: [UInt8]

  public init(folder: [UInt8] = standardFolder) { self.folder = folder }

  /// Makes the link to `target`, or finds it made.
  ///
  /// - Parameters:
  ///   - target: the absolute path of the image.
  ///   - key: for messages.
  /// - Returns: the link's path.
  func link(to target: [UInt8], key: [UInt8]) throws(MapRefusal) -> [UInt8] {
    let link = path(for: target)
    guard folder != Self.standardFolder || geteuid() == 0 else {
      throw MapRefusal(.machine, key, "this name needs a link that only root can make; try sudo")
    }
    guard link.count < Int(PATH_MAX) else {
      throw MapRefusal(.machine, key, "the path is too long for an image with such a name")
    }
    try prepare(Array(link[..<link.lastIndex(of: UInt8(ascii: "/"))!]), key)
    if Self.target(of: link) == target { return link }
    // Another process may be making the same one: both rename onto it.
    let temporary = link + Array(".\(getpid())".utf8)
    _ = temporary.withCPath { unlink($0) }
    let made = target.withCPath { target in temporary.withCPath { symlink(target, $0) } }
    guard made == 0,
      temporary.withCPath({ from in link.withCPath { rename(from, $0) } }) == 0
    else {
      throw MapRefusal(
        .machine, key,
        "cannot make the link \(link.shortenedName), which this name needs:"
          + " \(String(cString: strerror(errno)))")
    }
    return link
  }

  /// The path of the link to `target`: its bytes in hexadecimal, cut into names of 200 digits.
  ///
  /// The last name has an ending, so that no link stands where another's folder must be.
  func path(for target: [UInt8]) -> [UInt8] {
    let digits = target.hexadecimal
    var path = folder
    for start in stride(from: 0, to: digits.count, by: 200) {
      path.append(UInt8(ascii: "/"))
      path += digits[start..<min(start + 200, digits.count)]
    }
    return path + Array(".link".utf8)
  }

  private static func target(of link: [UInt8]) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { buffer in
      link.withCPath { readlink($0, buffer.baseAddress!, buffer.count) }
    }
    return count < 0 ? nil : Array(buffer[..<count])
  }

  /// Makes the folder of a link, which only its owner may enter, and makes sure that nobody else can
  /// lead anything elsewhere.
  private func prepare(_ path: [UInt8], _ key: [UInt8]) throws(MapRefusal) {
    // What a run of another user may have to enter, and what is ours alone.
    _ = Array(folder[..<folder.lastIndex(of: UInt8(ascii: "/"))!]).withCPath { mkdir($0, 0o755) }
    var end = folder.count
    while true {
      let part = Array(path[..<end])
      guard part.withCPath({ mkdir($0, 0o700) }) == 0 || errno == EEXIST else {
        throw MapRefusal(
          .machine, key,
          "cannot make \(part.shortenedName), which this name needs:"
            + " \(String(cString: strerror(errno)))")
      }
      guard end < path.count else { break }
      end = path[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
    }
    do { try PrivatePath.check(path) } catch {
      throw MapRefusal(
        .machine, key, "this name needs a link in \(folder.shortenedName), but \(error)")
    }
  }
}
