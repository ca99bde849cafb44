import Foundation
import TestSupport
import Testing

/// The manual pages say what the program's help says, and are well formed.
@Suite struct ManualTests {
  private let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  @Test func pagesAreWhatTheHelpSays() throws {
    let checked = try Tool.run(
      ["python3", "scripts/manual.py", Tool.autosquash, "--check"], in: package)
    #expect(checked.status == 0, "\(checked.summary)")
  }

  @Test func thePictureIsWhatItsScriptDraws() throws {
    let checked = try Tool.run(["python3", "scripts/picture.py", "--check"], in: package)
    #expect(checked.status == 0, "\(checked.summary)")
  }

  @Test func pagesAreWellFormed() throws {
    let pages = try FileManager.default.contentsOfDirectory(atPath: package + "/man")
      .filter { $0.contains(".") }
    #expect(pages.count >= 17)
    let linted = try Tool.run(["mandoc", "-Tlint", "-Wwarning"] + pages, in: package + "/man")
    #expect(linted.status == 0 && linted.output.isEmpty, "\(linted.summary)")
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func shellsGetCompletions(shell: String) throws {
    let script = try Tool.autosquash("--generate-completion-script", shell)
    #expect(script.status == 0 && script.text.contains("manifest"), "\(script.summary)")
    if shell == "bash" {
      let read = try Tool.run(["bash", "-n"], input: script.output)
      #expect(read.status == 0, "\(read.summary)")
    }
  }
}
