internal import EventLoop

@testable import Relay

/// What another process says at a hot restart.
func fuzzHandover(_ bytes: [UInt8]) throws(FuzzFailure) {
    guard let message = HandoverMessage(String(decoding: bytes, as: UTF8.self)) else { return }
    try check(HandoverMessage(message.text) == message, "\(message.text) is read as \(message)")
    guard case .sockets(let doors) = message else { return }
    let batch = HandoverMessage.batch(of: doors)
    try check(batch.count <= MessageSocket.mostDescriptors, "no more descriptors than a message takes")
    try check(HandoverMessage.sockets(Array(batch)).text.utf8.count <= MessageSocket.mostBytes, "no more bytes either")
}
