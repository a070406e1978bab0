using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Punchline.Quic.Tests.Adversary;

/// <summary>
/// What an endpoint holds in memory, counted object by object from the endpoint on: the tests' own measure, which needs no
/// help of the code that it measures, and no quiet process, as the heap's size would.
/// </summary>
internal static class Footprint
{
    private const int ObjectHeader = 16;
    private const int ArrayHeader = 24;

    private static readonly ConcurrentDictionary<Type, FieldInfo[]> Fields = new();
    private static readonly ConcurrentDictionary<Type, (int Size, bool HasReferences)> Layouts = new();

    /// <summary>Bytes of everything that can be reached, but for what belongs to the tests or to the process.</summary>
    internal static long Of(object root)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object>();
        open.Push(root);
        long bytes = 0;
        while (open.TryPop(out object? item))
        {
            if (IsForeign(item) || !seen.Add(item))
                continue;
            bytes += item switch
            {
                string text => ObjectHeader + (2 * text.Length),
                Array array => Count(array, open),
                _ => ObjectHeader + Count(item, open),
            };
        }
        return bytes;
    }

    private static bool IsForeign(object item)
    {
        if (item is Delegate or Type or MemberInfo or Assembly)
            return true;
        string assembly = item.GetType().Assembly.GetName().Name!;
        return item is not Array && (assembly.StartsWith("Punchline.Testing", StringComparison.Ordinal)
            || assembly.StartsWith("Punchline.Quic.Tests", StringComparison.Ordinal)
            || assembly.StartsWith("System.Security.Cryptography", StringComparison.Ordinal));
    }

    private static long Count(Array array, Stack<object> open)
    {
        Type element = array.GetType().GetElementType()!;
        if (!element.IsValueType)
        {
            foreach (object? item in array)
            {
                if (item is not null)
                    open.Push(item);
            }
            return ArrayHeader + (8L * array.Length);
        }
        (int size, bool hasReferences) = LayoutOf(element);
        if (hasReferences)
        {
            foreach (object item in array)
                Count(item, open);
        }
        return ArrayHeader + ((long)size * array.Length);
    }

    /// <summary>The fields of an object or of a struct in its box; what they refer to comes later.</summary>
    private static long Count(object item, Stack<object> open)
    {
        long bytes = 0;
        foreach (FieldInfo field in FieldsOf(item.GetType()))
        {
            Type type = field.FieldType;
            if (type.IsPointer || type.IsByRefLike)
                continue;
            if (!type.IsValueType)
            {
                bytes += 8;
                if (field.GetValue(item) is { } value)
                    open.Push(value);
                continue;
            }
            (int size, bool hasReferences) = LayoutOf(type);
            bytes += size;
            if (hasReferences)
                Count(field.GetValue(item)!, open);
        }
        return bytes;
    }

    private static FieldInfo[] FieldsOf(Type type) => Fields.GetOrAdd(type, static of =>
    {
        var fields = new List<FieldInfo>();
        for (Type? at = of; at is not null; at = at.BaseType)
            fields.AddRange(at.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly));
        return [.. fields];
    });

    private static (int Size, bool HasReferences) LayoutOf(Type type) => Layouts.GetOrAdd(type, static of =>
    {
        object size = typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(of).Invoke(null, null)!;
        object references = typeof(RuntimeHelpers).GetMethod(nameof(RuntimeHelpers.IsReferenceOrContainsReferences))!.MakeGenericMethod(of).Invoke(null, null)!;
        return ((int)size, (bool)references);
    });
}
