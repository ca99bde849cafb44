import HTTP
import Posix

/// A profile of the shared configuration: keys, a program that prints some, or a role.
struct ProfileProvider: CredentialsProvider {
  let client: any HTTPClient
  let environment: StoreEnvironment
  /// The profile's name, if the user gave one.
  let profile: String?
  let region: String?
  let clock: ServiceClock

  var name: String { "~/.aws" }
  var canChange: Bool { true }

  func find() throws(StoreError) -> Credentials? {
    let configuration = try SharedConfiguration(environment)
    return try credentials(
      of: configuration.profile(named: profile, environment), configuration, askedBy: [])
  }

  /// - Parameter askers: the profiles whose roles need these credentials.
  private func credentials(
    of profile: Profile, _ configuration: SharedConfiguration, askedBy askers: [String]
  ) throws(StoreError) -> Credentials? {
    if !askers.isEmpty, let keys = try keys(of: profile) { return keys }
    if let file = profile["web_identity_token_file"] {
      let token = try readToken(file, environment, from: profile.title)
      return try service(profile).assume(role(of: profile), withWebIdentity: token)
    }
    if profile["role_arn"] != nil {
      if profile["mfa_serial"] != nil {
        throw StoreError(
          .credentials, "\(profile.title) asks for a code of a device; \(exportAdvice(profile))")
      }
      var role = try role(of: profile)
      if let id = profile["external_id"] { role.more.append(("ExternalId", id)) }
      if let seconds = profile["duration_seconds"] {
        role.more.append(("DurationSeconds", seconds))
      }
      return try service(profile).assume(
        role, with: sourceCredentials(of: profile, configuration, askedBy: askers))
    }
    if let keys = try keys(of: profile) { return keys }
    if let command = profile["credential_process"] {
      return try CredentialProcess.run(command, from: profile.title)
    }
    if profile.hasSetting(startingWith: "sso_") {
      throw StoreError(
        .credentials, "\(profile.title) uses SSO, which needs the AWS CLI; \(exportAdvice(profile))"
      )
    }
    return nil
  }

  private func keys(of profile: Profile) throws(StoreError) -> Credentials? {
    let accessKey = profile["aws_access_key_id"]
    let secret = profile["aws_secret_access_key"]
    if accessKey == nil && secret == nil { return nil }
    guard let accessKey, let secret else {
      throw StoreError(
        .credentials,
        "\(profile.title) has only one of aws_access_key_id and aws_secret_access_key")
    }
    return try Credentials(
      accessKey: accessKey, secret: secret,
      token: profile["aws_session_token"] ?? profile["aws_security_token"], from: profile.title)
  }

  private func role(of profile: Profile) throws(StoreError) -> SecurityTokenService.Role {
    guard let name = profile["role_arn"] else {
      throw StoreError(
        .credentials, "\(profile.title) has web_identity_token_file without role_arn")
    }
    return SecurityTokenService.Role(
      name: name, session: profile["role_session_name"] ?? "autosquash", source: profile.title)
  }

  private func service(_ profile: Profile) throws(StoreError) -> SecurityTokenService {
    try SecurityTokenService(
      client: client, environment: environment, profile: profile, region: region, clock: clock)
  }

  /// The credentials with which a profile takes on its role.
  private func sourceCredentials(
    of profile: Profile, _ configuration: SharedConfiguration, askedBy askers: [String]
  ) throws(StoreError) -> Credentials {
    switch (profile["source_profile"], profile["credential_source"]) {
    case (let source?, nil):
      let askers = askers + [profile.name]
      let next = try configuration.profile(source)
      // A profile may be its own source, with its keys.
      let isOwnSource = source == profile.name
      let hasKeys = try keys(of: next) != nil
      guard !askers.contains(source) || isOwnSource && hasKeys else {
        throw StoreError(.credentials, "source_profile of \(profile.title) leads back to itself")
      }
      guard let credentials = try credentials(of: next, configuration, askedBy: askers) else {
        throw StoreError(
          .credentials, "\(next.title) has no credentials, but is the source of \(profile.title)")
      }
      return credentials
    case (nil, let source?):
      guard let provider = provider(named: source) else {
        throw StoreError(
          .credentials,
          "credential_source of \(profile.title) must be Environment, EcsContainer or "
            + "Ec2InstanceMetadata")
      }
      guard let credentials = try provider.find() else {
        throw StoreError(
          .credentials,
          "\(provider.name) has no credentials, but is the source of \(profile.title)")
      }
      return credentials
    default:
      throw StoreError(
        .credentials,
        "\(profile.title) has a role_arn, and so needs one of source_profile and credential_source")
    }
  }

  private func provider(named name: String) -> (any CredentialsProvider)? {
    switch name.lowercased() {
    case "environment": EnvironmentProvider(environment: environment)
    case "ecscontainer": ContainerProvider(client: client, environment: environment)
    case "ec2instancemetadata": InstanceMetadataProvider(client: client, environment: environment)
    default: nil
    }
  }

  private func exportAdvice(_ profile: Profile) -> String {
    "run first: eval \"$(aws configure export-credentials --format env --profile "
      + "\(Array(profile.name.utf8).shellWord))\""
  }
}
