// The interfaces of the third mission document, as it gives them: one base and three that extend it.
namespace cpp bench

struct version_struct {
    1: i32 major,
    2: i32 minor,
    3: i32 patch
}

struct test_struct {
    1: i32 id,
    2: i64 stamp,
    3: double value,
    4: string text
}

typedef i32 timer_id
typedef i64 timestamp

service example {
    string name(),
    version_struct version(),
}

service ping extends example {
    test_struct ping(1: test_struct arg),
    oneway void hello(1: string text)
}

service calculator extends example {
    i32 add(1: i32 arg1, 2: i32 arg2),
    i32 subtract(1: i32 arg1, 2: i32 arg2),
    i32 multiply(1: i32 arg1, 2: i32 arg2),
    i32 divide(1: i32 arg1, 2: i32 arg2)
}

service timer extends example {
    timer_id start(1: i64 interval_us),
    void stop(1: timer_id id),
    timestamp tick(1: timer_id id)
}
