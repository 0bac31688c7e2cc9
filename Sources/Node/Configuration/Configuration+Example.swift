extension Configuration {
  /// The commented example, `Examples/needletail.yaml`, as it was when this was built.
  public static var example: String {
    String(decoding: PackageResources.needletail_yaml, as: UTF8.self)
  }

  /// The example with what a file sets in the place of the defaults; nil: without one.
  static func example(with file: String?) throws(CommandFailure) -> String {
    guard let file else { return example }
    let text = try read(file)
    do throws(ConfigurationFailure) {
      _ = try parse(text, file: file)
    } catch {
      throw error.failure
    }
    guard let root = try? YAMLDocument.parse(text) else { return example }
    return ConfigurationText(example).merged(with: root)
  }
}
