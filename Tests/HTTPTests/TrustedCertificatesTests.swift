import Testing

@testable import HTTP

@Suite struct TrustedCertificatesTests {
  private func choose(
    option: String? = nil, _ environment: [String: String] = [:], hasHashes: Bool = true
  ) -> TrustedCertificates? {
    TrustedCertificates.choose(
      option: option, environment: { environment[$0] }, isFolder: { $0.hasSuffix("/") },
      hasHashes: { _ in hasHashes })
  }

  @Test func theOptionGoesFirstThenTheEnvironment() {
    let all = ["AWS_CA_BUNDLE": "aws", "SSL_CERT_FILE": "file", "SSL_CERT_DIR": "folder/"]
    #expect(choose(option: "option", all) == TrustedCertificates(file: "option"))
    #expect(choose(option: "option/", all) == TrustedCertificates(folder: "option/"))
    #expect(choose(all) == TrustedCertificates(file: "aws"))
    #expect(
      choose(["SSL_CERT_FILE": "file", "SSL_CERT_DIR": "folder/"])
        == TrustedCertificates(file: "file", folder: "folder/"))
  }

  @Test func elseTheSystemsFolderIsTakenIfItHasHashes() {
    #expect(choose() == TrustedCertificates(folder: "/etc/ssl/certs"))
    #expect(choose(hasHashes: false) == nil)
  }
}
