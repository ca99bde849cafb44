import HTTP
import Testing

@Suite struct URLPartsTests {
  @Test(arguments: [
    ("https://Example.com", "https://example.com/"),
    ("HTTP://a:80/b", "http://a/b"),
    ("https://a:8443/b?c=d?e#f", "https://a:8443/b?c=d?e"),
    ("https://a?b", "https://a/?b"),
    ("https://[FE80::1]:443/x", "https://[fe80::1]/x"),
    ("https://a:/b", "https://a/b"),
    ("https://a/../b/./c", "https://a/../b/./c"),
  ])
  func addressesAreSplitAndJoined(text: String, joined: String) throws {
    #expect(try URLParts(text).text == joined)
  }

  @Test func partsAreFound() throws {
    let parts = try URLParts("https://[::1]:9000/a/b?c#d")
    #expect(parts.scheme == .https && parts.host == "[::1]" && parts.port == 9000)
    #expect(parts.path == "/a/b" && parts.query == "c" && parts.fragment == "d")
    #expect(parts.authority == "[::1]:9000")
  }

  @Test(arguments: [
    "", "https", "https:", "https:/a", "https://", "https:///a", "ftp://a/", "file:///etc/passwd",
    "https://a b/", "https://a/ü", "https://a/\n", "https://a\\b/", "https://user:secret@a/",
    "https://a:0/", "https://a:65536/", "https://a:999999999999999999999/", "https://a:-1/",
    "https://[::1/", "https://[]/", "https://[::1]x/", "https://[fe80::1%25lo]/", "https://a,b/",
    "https://" + String(repeating: "a", count: 256),
    "https://a/" + String(repeating: "a", count: URLParts.mostBytes),
  ])
  func otherAddressesAreRefusedWithoutRepeatingThem(text: String) {
    do {
      _ = try URLParts(text)
      Issue.record("accepted")
    } catch {
      #expect(error.code == .impossible)
      #expect(!error.message.contains("secret"))
    }
  }

  @Test(arguments: [
    ("https://b/c", "https://b/c"), ("//b/c", "https://b/c"), ("/x", "https://a/x"),
    ("x", "https://a/d/x"), ("?x", "https://a/d/e?x"), ("#x", "https://a/d/e?q"),
    ("../x", "https://a/x"), ("../../../x", "https://a/x"), ("./x/..", "https://a/d/"),
    ("x y/ü", "https://a/d/x%20y/%C3%BC"), ("x?u=http://b/", "https://a/d/x?u=http://b/"),
  ])
  func referencesAreResolved(reference: String, target: String) throws {
    #expect(try URLParts("https://a/d/e?q").resolving(reference).text == target)
  }

  @Test(arguments: ["javascript:alert(1)", "file:///etc/passwd", "https://", "//", "a\u{1}b"])
  func unusableReferencesAreRefused(reference: String) throws {
    let base = try URLParts("https://a/")
    #expect(throws: HTTPError.self) { try base.resolving(reference) }
  }
}
