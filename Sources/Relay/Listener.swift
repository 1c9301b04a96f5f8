internal import Balancing
internal import EventLoop

/// A socket at which one worker takes clients or datagrams.
///
/// A *door* is an address at which clients reach a service port, and what the relay opens and closes; a *listener* is
/// one of the sockets there, which one worker has.
final class Listener {
    let id: UInt32
    let socket: Descriptor
    let port: PortState
    /// UDP: bound to no address in particular, so that each datagram says where it was sent to.
    let isWildcard: Bool
    /// Clients are taken from it. One that is not is there for the answers of its UDP flows.
    var isWatched = true

    /// Why nobody is taken from it at the moment.
    enum Pause {
        case none
        /// Until its service port has less than its share again.
        case forShare
        /// Until it is tried again.
        case forTime
        /// The same; it does not work, and the loop does not know it meanwhile.
        case setAside
    }
    var pause = Pause.none
    /// TCP: clients that may still be taken from it before it is closed; nil while it is not to be closed.
    var lastClients: Int?
    /// UDP: flows that came through it, whose answers leave by it.
    var flowCount = 0
    /// Attempts in a row that failed for no reason that would pass by itself.
    var failures: UInt8 = 0
    /// Clients have had to wait since nobody waited here last.
    var isShort = false

    init(id: UInt32, socket: consuming Descriptor, port: PortState, isWildcard: Bool = false) {
        self.id = id
        self.socket = socket
        self.port = port
        self.isWildcard = isWildcard
    }

    var token: EventLoop.Token { Token(.listener, index: id, generation: 0).raw }
}
