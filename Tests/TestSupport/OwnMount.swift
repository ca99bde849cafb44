import Foundation
import Glibc

/// An image that the program under test mounts; it is unmounted with this value.
public final class OwnMount: Sendable {
  public let folder: TemporaryFolder
  public let path: String

  /// - Parameters:
  ///   - options: of `autosquash mount`.
  ///   - prefix: words before the command, such as those that make another user of it.
  public init(
    _ image: String, _ options: [String] = [], prefix: [String] = [],
    environment: [String: String] = [:]
  ) throws {
    folder = try TemporaryFolder()
    path = folder.path("mount")
    try Tool.check(["mkdir", "-m", "777", path])
    try Tool.check(["chmod", "755", folder.root])
    // Nothing of a test stays for the next one, or for the machine's own mounts.
    let isDistant = image.contains("://") && !options.contains("--cache")
    let command =
      prefix + [Tool.autosquash, "mount", image, path] + options
      + (isDistant ? ["--cache", "none"] : [])
    let result = try Tool.run(command, environment: environment)
    guard result.status == 0 else { throw ToolFailure(command: command, result: result) }
  }

  deinit { end() }

  /// Unmounts it, whatever state it is in.
  public func end() { while isMounted, umount2(path, Int32(MNT_DETACH)) == 0 {} }

  /// The line in the table of mounts, if it is mounted.
  public var line: String? {
    mountTable().split(separator: "\n").map(String.init).last { $0.contains(" \(path) ") }
  }

  public var isMounted: Bool { line != nil }

  /// The processes behind it: the one that serves, and the one that waits for its end.
  public var processes: [OwnProcess] { OwnProcess.all(with: path) }

  /// Waits until no process is left.
  public var hasEnded: Bool { eventually { processes.isEmpty } }
}

/// A process of a mount.
public struct OwnProcess: Sendable {
  public let number: pid_t
  /// The fields of /proc/PID/status.
  public let status: [String: String]

  /// Those called with a word.
  public static func all(with word: String) -> [OwnProcess] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { name in
      guard let number = pid_t(name), number != getpid(),
        let command = FileManager.default.contents(atPath: "/proc/\(name)/cmdline"),
        String(decoding: command, as: UTF8.self).split(separator: "\0").contains(
          Substring(word)),
        let text = FileManager.default.contents(atPath: "/proc/\(name)/status")
      else { return nil }
      var status: [String: String] = [:]
      for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { continue }
        status[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
      }
      guard status["State"]?.hasPrefix("Z") != true else { return nil }
      return OwnProcess(number: number, status: status)
    }
  }

  /// Whether it is the one that answers requests: it has several threads. ThreadSanitizer adds one.
  public var serves: Bool {
    (status["Threads"].flatMap { Int($0) } ?? 0) > (Tool.isSanitized ? 2 : 1)
  }
}
