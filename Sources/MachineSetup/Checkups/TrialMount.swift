import Automount
import Glibc
import Posix

/// The proof: has the automounter mount an image, and reads a file of it.
struct TrialMount {
  let configuration: Configuration
  /// How many levels of folders to search for a file.
  private static let mostLevels = 8

  func result(_ catalogue: Catalogue) -> Checkup {
    let topic = "trial"
    guard
      let image = catalogue.images.filter({ $0.problem == nil }).min(by: { $0.size < $1.size })
    else { return .warn(topic, "there is no healthy image to mount", "autosquash images") }
    let path = configuration.mountRoot.appending(image.name)
    let remedy = "sudo autosquash map -- \(image.name.shellWord); journalctl -u autofs"
    let found: String
    do {
      // Mounting takes its time after the map has answered.
      found = try ForkedAnswer.ask(seconds: configuration.answerTimeout + 30) {
        _ throws(Failure) in try Self.read(path)
      }
    } catch {
      return switch error {
      case .refused(let failure): .fail(topic, "\(path.escapedName): \(failure.text)", remedy)
      case .late: .fail(topic, "\(path.escapedName) hangs", remedy)
      case .noProcess(let error): .fail(topic, "\(error)", "free some memory")
      }
    }
    let mounts = (try? MountTable.current()) ?? .none
    guard mounts.mount(at: path)?.isImage == true else {
      return .fail(topic, "\(path.escapedName) can be read, but is not a mounted image", remedy)
    }
    return .ok(topic, "\(path.escapedName) was mounted; \(found)")
  }

  /// Why nothing could be read.
  private struct Failure: Error, WireCodable {
    let text: String

    init(_ text: String) { self.text = text }

    var wireBytes: [UInt8] { text.wireBytes }
    init?(wireBytes: [UInt8]) { text = String(decoding: wireBytes, as: UTF8.self) }
  }

  /// - Returns: what was read, in a sentence.
  private static func read(_ path: HostPath) throws(Failure) -> String {
    var found: HostPath?
    var folders = [path]
    for _ in 0..<mostLevels where found == nil {
      var next: [HostPath] = []
      for folder in folders.prefix(20) where found == nil {
        do throws(SystemError) {
          var entries = try DirectoryStream(at: folder)
          while found == nil, let entry = try entries.next() {
            let full = folder.appending(entry.name)
            switch entries.kind(of: entry) {
            case .directory: next.append(full)
            case .regular where full.withCPath({ access($0, R_OK) }) == 0: found = full
            default: break
            }
          }
        } catch {
          // A file that students may not read does not mean that the mount failed.
          if error.code == EACCES && folder != path { continue }
          throw Failure(error.reason)
        }
      }
      folders = next
    }
    guard let found else { return "it has no file that this user can read" }
    // Where nothing was mounted it may be anything by now.
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
    guard let file = Descriptor(opening: found.bytes, flags) else {
      throw Failure("\(found.escapedName): \(SystemError.reason())")
    }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    guard buffer.withUnsafeMutableBytes({ readFully(file.number, into: $0) }) >= 0 else {
      throw Failure("\(found.escapedName): \(SystemError.reason())")
    }
    return "\(found.relative(to: path)!.escapedName) can be read"
  }
}
