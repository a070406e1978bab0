using System.Xml;

namespace Punchline.PortMapping.Upnp;

/// <summary>
/// Reads the XML of routers: elements and their text, whatever the namespaces, up to a size. No document type, no entity beyond XML's
/// own five, nothing fetched.
/// </summary>
internal static class UpnpXml
{
    /// <summary>Characters of a document: descriptions of routers with many services have some 20,000.</summary>
    public const int MaxLength = 128 * 1024;

    /// <summary>Levels of elements; a description has 9.</summary>
    private const int MaxDepth = 32;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = MaxLength,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
    };

    /// <summary>Goes through a document.</summary>
    /// <param name="document">The text, already decoded: its own word about its encoding does not count.</param>
    /// <param name="onText">Is told the name and the text of each element that has text, in order.</param>
    /// <param name="onEnd">Is told the name of each element that ends.</param>
    /// <returns>False if it is no XML, or beyond the bounds.</returns>
    public static bool TryWalk(string document, Action<string, string> onText, Action<string>? onEnd = null)
    {
        if (document.Length > MaxLength)
            return false;
        try
        {
            using var reader = XmlReader.Create(new StringReader(document.TrimStart('\uFEFF', ' ', '\r', '\n', '\t')), Settings);
            string element = "";
            while (reader.Read())
            {
                if (reader.Depth > MaxDepth)
                    return false;
                if (reader.NodeType == XmlNodeType.Element)
                {
                    element = reader.LocalName;
                    if (reader.IsEmptyElement)
                        onEnd?.Invoke(element);
                }
                else if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA)
                {
                    onText(element, reader.Value.Trim());
                }
                else if (reader.NodeType == XmlNodeType.EndElement)
                {
                    onEnd?.Invoke(reader.LocalName);
                    element = "";
                }
            }
            return true;
        }
        catch (XmlException)
        {
            // The base library knows no other way to say that it is no XML. It is read once for each question to a router.
            return false;
        }
    }
}
