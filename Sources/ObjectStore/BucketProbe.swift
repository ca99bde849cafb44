import HTTP
import Posix

/// Asks a store for what reading images needs, by a request each, and notes how it answers.
package struct BucketProbe: Sendable {
  private let store: Store
  private let bucket: String

  package init(_ bucket: String, in store: Store) {
    self.bucket = bucket
    self.store = store
  }

  /// What came of a request.
  package struct Reply<Value: Sendable>: Sendable {
    package var result: Result<Value, StoreError>
    /// How long it took, in seconds.
    package var seconds: Double
    /// How many seconds the server's clock is before this machine's; `nil` if it did not say.
    package var clockLead: Int?
    /// Whether there was an answer at all.
    package var isAnswered: Bool
  }

  /// How a store answers a request for some bytes of an object.
  package struct Piece: Sendable {
    package enum Partiality: Sendable {
      /// Status 206, and the header Content-Range names the bytes.
      case exact
      /// These bytes, as Content-Range says, with the status 200.
      case wrongStatus
      /// Other bytes, or the whole object.
      case none
    }

    package enum Tag: Sendable {
      case strong
      /// It matches no condition.
      case weak
      case missing
    }

    package var partiality: Partiality
    package var tag: Tag
  }

  /// Lists what begins with a prefix: the first page, of at most 1,000 objects.
  package func list(_ prefix: [UInt8]) -> Reply<ObjectListing> {
    ask { () throws(StoreError) in
      try ObjectListing.page(of: bucket, prefix, in: store)
    } read: { (answer) throws(StoreError) in
      try ObjectListing(firstPage: answer, of: bucket)
    }
  }

  /// Reads the first bytes of an object.
  ///
  /// - Parameters:
  ///   - count: how many; the object has at least as many.
  ///   - mostBytes: the limit for a store that sends more.
  package func read(_ key: [UInt8], count: Int, mostBytes: Int) -> Reply<Piece> {
    let location = ObjectLocation.bucket(bucket, key: key)
    return ask { () throws(StoreError) in
      try store.get(
        location, headers: [HTTPHeader("Range", "bytes=0-\(count - 1)")], mostBytes: mostBytes)
    } read: { (answer) throws(StoreError) in
      guard answer.status == 200 || answer.status == 206 else {
        throw StoreFault(answer).error(about: location)
      }
      let range = answer.header("Content-Range").flatMap(ContentRange.init)?.range
      let isPart = range == 0..<UInt64(count) && answer.body.count == count
      let tag = answer.header("ETag") ?? ""
      return Piece(
        partiality: !isPart ? .none : answer.status == 206 ? .exact : .wrongStatus,
        tag: tag.isEmpty ? .missing : tag.hasPrefix("\"") ? .strong : .weak)
    }
  }

  /// Whether the store refuses to send an object that is not the one asked for.
  package func honoursConditions(_ key: [UInt8]) -> Reply<Bool> {
    let location = ObjectLocation.bucket(bucket, key: key)
    let headers = [
      HTTPHeader("Range", "bytes=0-0"),
      // Of no object.
      HTTPHeader("If-Match", "\"00000000000000000000000000000000\""),
    ]
    return ask { () throws(StoreError) in
      try store.get(location, headers: headers, mostBytes: 1)
    } read: { (answer) throws(StoreError) in
      if answer.status == 412 { return true }
      guard answer.status == 200 || answer.status == 206 else {
        throw StoreFault(answer).error(about: location)
      }
      return false
    }
  }

  private func ask<Value: Sendable>(
    _ get: () throws(StoreError) -> HTTPAnswer,
    read: (HTTPAnswer) throws(StoreError) -> Value
  ) -> Reply<Value> {
    let start = Process.now
    do throws(StoreError) {
      let answer = try get()
      let seconds = Process.now - start
      let date = answer.header("Date").flatMap { Timestamp.parseHeader($0) }
      return Reply(
        result: Result { () throws(StoreError) in try read(answer) }, seconds: seconds,
        clockLead: date.map { $0 - Timestamp.now() }, isAnswered: true)
    } catch {
      return Reply(
        result: .failure(error), seconds: Process.now - start, clockLead: nil,
        isAnswered: error.code == .badAnswer)
    }
  }
}
