import Glibc

/// How much room threads get for their stacks from now on: as `pthread_setattr_default_np`, which Glibc's module lacks.
func setThreadStack(_ bytes: Int) -> Int32 {
    typealias Setter = @convention(c) (UnsafePointer<pthread_attr_t>) -> Int32
    guard let symbol = dlsym(nil, "pthread_setattr_default_np") else { return -1 }
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    defer {
        pthread_attr_destroy(attributes)
        attributes.deallocate()
    }
    let code = pthread_attr_setstacksize(attributes, bytes)
    return code == 0 ? unsafeBitCast(symbol, to: Setter.self)(attributes) : code
}
