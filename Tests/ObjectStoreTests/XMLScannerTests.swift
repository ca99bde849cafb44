import TestSupport
import Testing

@testable import ObjectStore

@Suite struct XMLScannerTests {
  @Test func anAnswerOfAStore() throws {
    let root = try XMLScanner.parse(
      Array(
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- a comment with <tags> -->
        <s3:ListBucketResult xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/" a='x>"y' >
          <Contents><Key>a &amp; b&lt;&gt;&quot;&apos;&#228;&#x1F642;</Key><Size>5</Size></Contents>
          <Contents><Key><![CDATA[<c> & ]]>]]&gt;</Key><Size >6</Size ></Contents>
          <Empty/><Empty a="1" />
          <IsTruncated>false</IsTruncated>
        </s3:ListBucketResult>

        """.utf8))
    #expect(root.name == "ListBucketResult")
    #expect(root.all("Contents").map { $0["Key"]?.string } == ["a & b<>\"'ä🙂", "<c> & ]]>"])
    #expect(root.all("Contents").map { $0["Size"]?.string } == ["5", "6"])
    #expect(root["IsTruncated"]?.string == "false")
    #expect(root.all("Empty") == Array(repeating: XMLElement(name: "Empty"), count: 2))
    #expect(root["Missing"] == nil)
  }

  @Test(arguments: [
    "", " ", "text", "<", "<a", "<a>", "<a/", "</a>", "<a></b>", "<a></a", "<a/><b/>", "<a/>text",
    "text<a/>", "<a><b></a></b>", "<a b/>", "<a b=c/>", "<a b='c/>", "<a b=\"<\"/>", "< a/>",
    "<>x</>",
    "<a>&</a>", "<a>&amp</a>", "<a>&nbsp;</a>", "<a>&#0;</a>", "<a>&#xD800;</a>",
    "<a>&#99999999;</a>", "<a>&#x110000;</a>", "<a>&#-5;</a>", "<a>&#+5;</a>", "<a>&#;</a>",
    "<a>&;</a>",
    "<a>&#x;</a>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a><!ELEMENT b></a>", "<!-- <a/>",
    "<a><![CDATA[</a>", "<![CDATA[a]]>", "<?xml", "<a>\u{0}<b></a>",
  ])
  func whatIsNotWellFormedIsRefused(text: String) {
    let error = #expect(throws: StoreError.self) { try XMLScanner.parse(Array(text.utf8)) }
    #expect(error?.code == .badAnswer)
  }

  @Test func whatIsNotUTF8IsRefused() {
    #expect(throws: StoreError.self) { try XMLScanner.parse([0x3c, 0x61, 0x3e, 0xff, 0x3c]) }
  }

  @Test func depthNumberAndSizeAreBounded() {
    func nested(_ depth: Int) -> [UInt8] {
      Array(
        (String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)).utf8)
    }
    #expect(throws: Never.self) { try XMLScanner.parse(nested(32)) }
    #expect(throws: StoreError.self) { try XMLScanner.parse(nested(33)) }
    #expect(throws: StoreError.self) { try XMLScanner.parse(nested(1_000_000)) }
    let many = "<a>" + String(repeating: "<b/>", count: 100_001) + "</a>"
    #expect(throws: StoreError.self) { try XMLScanner.parse(Array(many.utf8)) }
    let long = "<a>" + String(repeating: " ", count: XMLScanner.mostBytes) + "</a>"
    #expect(throws: StoreError.self) { try XMLScanner.parse(Array(long.utf8)) }
  }

  /// Cut off anywhere, or with any byte changed, an answer is read or refused.
  @Test func damageNeverTraps() {
    let whole = Array(
      "<?x?><a b='c'><!--d--><e>&amp;&#x41;</e><![CDATA[f]]><g:h/></a>".utf8)
    for end in 0..<whole.count {
      #expect(throws: StoreError.self) { try XMLScanner.parse(Array(whole[..<end])) }
    }
    var random = SeededGenerator(1)
    for index in whole.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = whole
        changed[index] = byte
        changed[Int.random(in: whole.indices, using: &random)] = byte
        _ = try? XMLScanner.parse(changed)
      }
    }
  }
}
