/*
 * Runs a program in a console of its own, without a window, and sends it Ctrl-C for each file of the
 * name ASK that appears. Wine can send neither Ctrl-Break nor the closing of a console.
 *
 *     console.exe ASK COMMAND-LINE...
 */
#include <stdio.h>
#include <windows.h>

/* The command line after its first word. */
static wchar_t *after_word(wchar_t *line)
{
    BOOL quoted = FALSE;
    for (; *line && (quoted || *line != L' '); line++)
        quoted ^= *line == L'"';
    while (*line == L' ')
        line++;
    return line;
}

static DWORD fail(const char *what)
{
    fprintf(stderr, "console.exe: %s: %lu\n", what, GetLastError());
    return 127;
}

int wmain(int argc, wchar_t **argv)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limit;
    STARTUPINFOW start;
    PROCESS_INFORMATION child;
    HANDLE job;
    DWORD code;

    if (argc < 3)
        return fail("usage");
    /* The program ends with this process, however that ends. */
    memset(&limit, 0, sizeof limit);
    limit.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    job = CreateJobObjectW(NULL, NULL);
    if (!SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limit, sizeof limit)
        || !AssignProcessToJobObject(job, GetCurrentProcess()))
        return fail("job");
    memset(&start, 0, sizeof start);
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessW(NULL, after_word(after_word(GetCommandLineW())), NULL, NULL, TRUE,
                        CREATE_NO_WINDOW, NULL, NULL, &start, &child))
        return fail("CreateProcess");
    FreeConsole();
    SetConsoleCtrlHandler(NULL, TRUE);
    while (!AttachConsole(child.dwProcessId)
           && WaitForSingleObject(child.hProcess, 10) == WAIT_TIMEOUT)
        ;
    while (WaitForSingleObject(child.hProcess, 20) == WAIT_TIMEOUT)
        if (DeleteFileW(argv[1]) && !GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0))
            return fail("GenerateConsoleCtrlEvent");
    GetExitCodeProcess(child.hProcess, &code);
    return (int)code;
}
