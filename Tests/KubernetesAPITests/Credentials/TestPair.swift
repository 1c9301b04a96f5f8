/// A certificate and its key. Made by openssl for these tests alone; nobody trusts them.
struct TestPair {
    var certificate: String
    var key: String

    static let first = TestPair(
        certificate: """
            -----BEGIN CERTIFICATE-----
            MIIBeDCCAR+gAwIBAgIUD2qagYOSbytf19lQrzB3x/ObasgwCgYIKoZIzj0EAwIw
            ETEPMA0GA1UEAwwGdGVzdC0xMCAXDTI2MTEyOTIwMDMzMloYDzIxMjYxMTA1MjAw
            MzMyWjARMQ8wDQYDVQQDDAZ0ZXN0LTEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
            AAQrADGM5SXw+US0qG3aWvvaLJTrOEDzod/ryvo45sfi4iO7DswqEOfSz5fR174a
            OEuyIzQ2pmO8YILgM75oeg4ro1MwUTAdBgNVHQ4EFgQUTJwcJH+gdAdm0sujZYvQ
            bdpqZvowHwYDVR0jBBgwFoAUTJwcJH+gdAdm0sujZYvQbdpqZvowDwYDVR0TAQH/
            BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA7GUqvLCHI0YQzwpyFsFuq7eCWkLaW
            5WHMz11xIEsNZQIgTAdOMhkFfBJLRKAq2hrRLEGEnqZvDJYMnNmH+RdvM0Q=
            -----END CERTIFICATE-----
            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXAgdAUBU4pTL5AhF
            /ySq92+4Z9c164nQY4OpfXqihlahRANCAAQrADGM5SXw+US0qG3aWvvaLJTrOEDz
            od/ryvo45sfi4iO7DswqEOfSz5fR174aOEuyIzQ2pmO8YILgM75oeg4r
            -----END PRIVATE KEY-----
            """)

    static let second = TestPair(
        certificate: """
            -----BEGIN CERTIFICATE-----
            MIIBeTCCAR+gAwIBAgIUOF7PzcCrL+E0HzmbcGtWSKkgXYUwCgYIKoZIzj0EAwIw
            ETEPMA0GA1UEAwwGdGVzdC0yMCAXDTI2MTEyOTIwMDMzMloYDzIxMjYxMTA1MjAw
            MzMyWjARMQ8wDQYDVQQDDAZ0ZXN0LTIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
            AARUVErYMhMuB49CCcFtFXwCO/944aXCe+37D+E3xQICTjN25aHhBkQlM5zBDhvk
            FMc+Kdg/FnVlgs4RiC/COb54o1MwUTAdBgNVHQ4EFgQUwJF4Nh1onEVtGctJYkXm
            KwzU83QwHwYDVR0jBBgwFoAUwJF4Nh1onEVtGctJYkXmKwzU83QwDwYDVR0TAQH/
            BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAoMG+ZgEahJETAxCKqPQwvq3NqFmHP
            4sivIu22LZ6IdQIhAKZGVaQ7gXr3cZYLBoukgRHPsgWDGodQJMbf8bONfEuj
            -----END CERTIFICATE-----
            """,
        key: """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnMmQV0HqpyxdoTo7
            VXYxgbaRBJASdWmZ7NqgHCsypQehRANCAARUVErYMhMuB49CCcFtFXwCO/944aXC
            e+37D+E3xQICTjN25aHhBkQlM5zBDhvkFMc+Kdg/FnVlgs4RiC/COb54
            -----END PRIVATE KEY-----
            """)
}
