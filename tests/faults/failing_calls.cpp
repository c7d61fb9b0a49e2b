// SPDX-License-Identifier: MIT
// Preloaded into a program (LD_PRELOAD), lets one of its calls fail. Environment:
//     FAULT_CALL   memory, create (a file or directory), write, flush or rename
//     FAULT_AT     which call of that kind fails; 0: none
//     FAULT_ERRNO  with which number; 5: EIO
//     FAULT_STAYS  set: all later ones fail too
//     FAULT_COUNT  file for the number of such calls, written at the end
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

const char* failing_call = "";
long failing_at = 0;
int failing_errno = EIO;
bool stays = false;
std::atomic<long> calls{0};

[[gnu::constructor]] void read_environment()
{
    const auto number = [](const char* name, long otherwise) {
        const char* const text = std::getenv(name);
        return text ? std::atol(text) : otherwise;
    };
    failing_at = number("FAULT_AT", 0);
    failing_errno = static_cast<int>(number("FAULT_ERRNO", EIO));
    stays = std::getenv("FAULT_STAYS") != nullptr;
    if (const char* const call = std::getenv("FAULT_CALL")) failing_call = call;
}

[[gnu::destructor]] void write_count()
{
    const char* const path = std::getenv("FAULT_COUNT");
    if (!path) return;
    char text[24];
    const int size = std::snprintf(text, sizeof text, "%ld\n", calls.load());
    const auto file =
        static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (syscall(SYS_write, file, text, static_cast<std::size_t>(size)) != size) std::abort();
}

bool fails(const char* call, int reason = failing_errno)
{
    if (std::strcmp(call, failing_call) != 0) return false;
    const long number = ++calls;
    if (failing_at == 0 || (stays ? number < failing_at : number != failing_at)) return false;
    errno = reason;
    return true;
}

template <class... Arguments>
long system_call(long number, Arguments... arguments)
{
    return syscall(number, arguments...);
}

} // namespace

extern "C" {

// ---- memory --------------------------------------------------------------------------------------
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) { return fails("memory", ENOMEM) ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size)
{
    return fails("memory", ENOMEM) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) { return fails("memory", ENOMEM) ? nullptr : __libc_realloc(old, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size)
{
    return fails("memory", ENOMEM) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size)
{
    *memory = aligned_alloc(alignment, size);
    return *memory ? 0 : ENOMEM;
}

// ---- files ---------------------------------------------------------------------------------------
int openat(int directory, const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    if ((flags & O_CREAT) != 0 && fails("create")) return -1;
    return static_cast<int>(system_call(SYS_openat, directory, path, flags, mode));
}
int open(const char* path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return openat(AT_FDCWD, path, flags, mode);
}
int mkdir(const char* path, mode_t mode)
{
    return fails("create") ? -1 : static_cast<int>(system_call(SYS_mkdirat, AT_FDCWD, path, mode));
}

/// The standard streams are not outputs.
ssize_t write(int file, const void* bytes, std::size_t size)
{
    return file > STDERR_FILENO && fails("write") ? -1 : system_call(SYS_write, file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t offset)
{
    return fails("write") ? -1 : system_call(SYS_pwrite64, file, bytes, size, offset);
}
int ftruncate(int file, off_t size) noexcept
{
    return fails("write") ? -1 : static_cast<int>(system_call(SYS_ftruncate, file, size));
}

int fsync(int file) { return fails("flush") ? -1 : static_cast<int>(system_call(SYS_fsync, file)); }

int rename(const char* from, const char* to) noexcept
{
    return fails("rename") ? -1 : static_cast<int>(system_call(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) noexcept
{
    return fails("rename")
               ? -1
               : static_cast<int>(system_call(SYS_renameat2, from_directory, from, to_directory, to, flags));
}

} // extern "C"
