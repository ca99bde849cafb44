import ArgumentParser
import CLinux
import Glibc

/// What the program asks of the system it runs on.
enum Process {
  /// Raises the limit on open files to what the user may have: a deep tree needs one a level.
  static func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// The number of processors that this process may use.
  static var processorCount: Int {
    var set = cpu_set_t()
    guard sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set) == 0 else {
      return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }
    return max(1, withUnsafeBytes(of: &set) { $0.reduce(0) { $0 + $1.nonzeroBitCount } })
  }

  /// The number of threads to use, as far as the user wants any.
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

  /// Seconds on a clock that is never set back.
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// A number of threads that a user gives.
struct ThreadCount: ExpressibleByArgument {
  static let range = 1...1024
  let number: Int

  init?(argument: String) {
    guard let number = Int(argument), Self.range.contains(number) else { return nil }
    self.number = number
  }
}
