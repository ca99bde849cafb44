import Foundation
import Glibc
import Posix

/// A folder that is removed with its value.
public final class TemporaryFolder: Sendable {
  public let root: String

  public init() throws {
    let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(parent)/autosquash-test.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw SystemError("make a temporary folder") }
    root = String(cString: made)
  }

  deinit { _ = try? Tool.runQuietly(["rm", "-rf", root]) }

  /// The full path of a name in the folder.
  public func path(_ name: String) -> String { "\(root)/\(name)" }

  /// Unlike `Data`, keeps the descriptor from programs that start meanwhile: a script could not run
  /// as long as one of them has it open.
  public func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = open(path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw SystemError("write \(path(name))") }
    defer { close(file) }
    guard writeFully(file, bytes) else { throw SystemError("write \(path(name))") }
  }

  public func read(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  public func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat(path(name), &status) == 0
  }

  /// The names in the folder, including hidden ones.
  public var names: [String] { names(in: "") }

  /// The names in one of its folders.
  public func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []).sorted()
  }
}

extension Tool {
  /// Runs a program without temporary files.
  fileprivate static func runQuietly(_ command: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    try process.run()
    process.waitUntilExit()
  }
}
