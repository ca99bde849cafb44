import Glibc
import Posix
import Testing

@Suite struct BoundedProcessTests {
  private func run(_ command: String, limit: Int = 100, seconds: Double = 600) throws
    -> ChildProcess.Result
  {
    try ChildProcess.run(
      ["sh", "-c", command].map { Array($0.utf8) }, outputLimit: limit,
      seconds: seconds)
  }

  @Test func outputAndStatus() throws {
    let result = try run("printf 'a b'; exit 3")
    #expect(result.output == Array("a b".utf8) && result.status == 3)
    #expect(try run("kill -9 $$").status == 137)
    #expect(try run("cat").output == [])
  }

  @Test func theLimitItselfIsAllowed() throws {
    #expect(try run("head -c 100 /dev/zero").output.count == 100)
    let error = #expect(throws: SystemError.self) { try run("head -c 101 /dev/zero") }
    #expect(error?.code == EFBIG)
    #expect(throws: SystemError.self) { try run("yes") }
  }

  @Test(arguments: ["exec sleep 3600", "exec >&-; exec sleep 3600"])
  func aProgramThatHangsIsEnded(command: String) {
    let error = #expect(throws: SystemError.self) { try run(command, seconds: 0.5) }
    #expect(error?.code == ETIMEDOUT)
  }

  @Test func aMissingProgramIsAnError() {
    let error = #expect(throws: SystemError.self) {
      try ChildProcess.run([Array("/nonexistent".utf8)], outputLimit: 1, seconds: 600)
    }
    #expect(error?.code == ENOENT)
  }
}
