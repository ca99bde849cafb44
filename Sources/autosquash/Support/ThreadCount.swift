import ArgumentParser
import CLinux
import Posix

/// A user's number of threads.
struct ThreadCount: ExpressibleByArgument {
  static let range = 1...1024
  let number: Int

  init?(argument: String) {
    guard let number = Int(argument), Self.range.contains(number) else { return nil }
    self.number = number
  }
}

extension Process {
  /// The number of threads to use, given the user's wish if any.
  static func threadCount(_ wanted: ThreadCount?) -> Int {
    let count = wanted?.number ?? min(ThreadCount.range.upperBound, processorCount)
    if count > 1 {
      let hint: StaticString = ", or use fewer threads (--threads 1)"
      hint.withUTF8Buffer { text in
        text.withMemoryRebound(to: CChar.self) { clinux_when_out_of_memory(0, $0.baseAddress, nil) }
      }
    }
    return count
  }
}
