import Glibc

/// A variable of this process; an empty one counts as not set.
func environmentVariable(_ name: String) -> String? {
  guard let value = getenv(name), value[0] != 0 else { return nil }
  return String(cString: value)
}
