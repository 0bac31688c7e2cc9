import CYaml

/// A value of a YAML document with the place where it begins, so that every complaint can name it.
struct YAMLNode {
  enum Content {
    /// The text, and whether it was written without quotes.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([(key: YAMLNode, value: YAMLNode)])
  }
  var content: Content
  /// Both from 1.
  var line: Int
  var column: Int

  /// In words, for messages.
  var description: String {
    switch content {
    case .scalar("", isPlain: true): "nothing"
    case .scalar(let text, _): "'\(text)'"
    case .sequence: "a list"
    case .mapping: "a group of settings"
    }
  }
  var isEmpty: Bool {
    if case .scalar("", isPlain: true) = content { return true }
    return false
  }
}

/// Reads one YAML document through libyaml's event interface. Refused, because configuration needs
/// none of them: anchors and aliases (which can blow a small file up), tags, a second document, more
/// than ``depthMax`` levels or ``nodesMax`` values.
struct YAMLDocument {
  static let depthMax = 16
  static let nodesMax = 100_000

  struct Fault: Error {
    var message: String
    var line: Int
    var column: Int
  }

  /// The root; nil when the document is empty.
  static func parse(_ text: String) throws(Fault) -> YAMLNode? {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else {
      throw Fault(message: "libyaml cannot start: out of memory", line: 1, column: 1)
    }
    defer { yaml_parser_delete(&parser) }
    let bytes = Array(text.utf8)
    // The buffer outlives every use of the parser: libyaml reads from it until the parser is deleted.
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, bytes.count))
    defer { buffer.deallocate() }
    _ = buffer.initialize(from: bytes)
    yaml_parser_set_input_string(&parser, buffer.baseAddress, bytes.count)
    var reader = EventReader()
    return try reader.document(&parser)
  }

  private struct Event {
    enum Kind { case scalar(String, isPlain: Bool), sequence, mapping, end, documentStart, other }
    var kind: Kind
    var line: Int
    var column: Int
  }

  private struct EventReader {
    var nodes = 0

    mutating func document(_ parser: inout yaml_parser_t) throws(Fault) -> YAMLNode? {
      _ = try next(&parser)  // the stream's start
      guard case .documentStart = try next(&parser).kind else { return nil }
      let root = try node(try next(&parser), &parser, depth: 0)
      _ = try next(&parser)  // the document's end
      let after = try next(&parser)
      if case .documentStart = after.kind {
        throw Fault(
          message: "a second document begins here; a configuration is one document",
          line: after.line, column: after.column)
      }
      return root
    }

    mutating func node(
      _ event: Event, _ parser: inout yaml_parser_t, depth: Int
    ) throws(Fault) -> YAMLNode {
      nodes += 1
      if nodes > nodesMax || depth > depthMax {
        let limit = depth > depthMax ? "\(depthMax) levels" : "\(nodesMax) values"
        throw Fault(
          message: "the document has more than \(limit)", line: event.line, column: event.column)
      }
      var result = YAMLNode(content: .sequence([]), line: event.line, column: event.column)
      switch event.kind {
      case .scalar(let text, let isPlain):
        result.content = .scalar(text, isPlain: isPlain)
      case .sequence:
        var items: [YAMLNode] = []
        while true {  // ends with the document, which libyaml has bounded by its input
          let event = try next(&parser)
          if case .end = event.kind { break }
          items.append(try node(event, &parser, depth: depth + 1))
        }
        result.content = .sequence(items)
      case .mapping:
        var pairs: [(key: YAMLNode, value: YAMLNode)] = []
        while true {
          let event = try next(&parser)
          if case .end = event.kind { break }
          let key = try node(event, &parser, depth: depth + 1)
          let value = try node(try next(&parser), &parser, depth: depth + 1)
          pairs.append((key, value))
        }
        result.content = .mapping(pairs)
      case .end, .documentStart, .other:
        throw Fault(message: "the document ends too early", line: event.line, column: event.column)
      }
      return result
    }

    func next(_ parser: inout yaml_parser_t) throws(Fault) -> Event {
      var event = yaml_event_t()
      guard yaml_parser_parse(&parser, &event) == 1 else { throw Self.fault(of: parser) }
      defer { yaml_event_delete(&event) }
      var result = Event(
        kind: .other, line: Int(event.start_mark.line) + 1,
        column: Int(event.start_mark.column) + 1)
      func refuse(_ what: String) -> Fault {
        Fault(
          message: "\(what) not used in a configuration", line: result.line, column: result.column)
      }
      switch event.type {
      case YAML_SCALAR_EVENT:
        let scalar = event.data.scalar
        if scalar.anchor != nil { throw refuse("anchors are") }
        if scalar.tag != nil { throw refuse("tags are") }
        let text = String(
          decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
        result.kind = .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      case YAML_SEQUENCE_START_EVENT:
        if event.data.sequence_start.anchor != nil { throw refuse("anchors are") }
        if event.data.sequence_start.tag != nil { throw refuse("tags are") }
        result.kind = .sequence
      case YAML_MAPPING_START_EVENT:
        if event.data.mapping_start.anchor != nil { throw refuse("anchors are") }
        if event.data.mapping_start.tag != nil { throw refuse("tags are") }
        result.kind = .mapping
      case YAML_ALIAS_EVENT: throw refuse("aliases are")
      case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: result.kind = .end
      case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
      default: break
      }
      return result
    }

    private static func fault(of parser: yaml_parser_t) -> Fault {
      let problem = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
      let context = parser.context.map { " " + String(cString: $0) } ?? ""
      let isReading = parser.error == YAML_READER_ERROR
      return Fault(
        message: "not YAML: \(problem)\(context)",
        line: isReading ? 1 : Int(parser.problem_mark.line) + 1,
        column: isReading ? 1 : Int(parser.problem_mark.column) + 1)
    }
  }
}
